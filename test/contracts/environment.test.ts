import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { projectPath } from '../../local/template/project-path.ts';
import { wiringOf } from '../../local/template/wiring.ts';
import { assemblyOf, configurationOf, ENVIRONMENTS } from './assembly.ts';
import { programs } from './programs.ts';

/** Read by Node, not by a program. */
const OF_THE_RUNTIME = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];

/** Set where there is no AWS: keys and databases without a secret, and endpoints of stand-ins. */
const ONE_MACHINE = /^(KALSHI_(KEY_ID|PRIVATE_KEY(_FILE)?)|AWS_ENDPOINT_URL_\w+|(\w+_)?DATABASE_URL)$/;

/** Nothing in the configuration says otherwise; the region of a function comes from Lambda itself. */
const OWN_DEFAULT = new Set(['HEALTH_HOST', 'CONNECT_TIMEOUT_SECONDS', 'MAX_REQUESTS', 'AWS_REGION']);

const read = (file: string): string => readFileSync(projectPath(file), 'utf8');

/** The project's own files that end up in a program. */
async function sourcesOf(module: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: projectPath(''),
    entryPoints: [module],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  return Object.keys(metafile.inputs);
}

/** Whether a variable is named in a text, or composed there: `${name}_DATABASE_URL` with the name 'LINE_A'. */
function isNamed(variable: string, text: string): boolean {
  if (new RegExp(`\\b${variable}\\b`).test(text)) return true;
  return [...text.matchAll(/\}(_[A-Z_]+)`/g)].some(([, ending]) => {
    const name = variable.slice(0, -ending!.length);
    return variable.endsWith(ending!) && new RegExp(`'${name}'`, 'i').test(text);
  });
}

describe.each(ENVIRONMENTS)('the environment in the templates of %s', (name) => {
  const { functions, containers } = wiringOf(assemblyOf(configurationOf(name)));
  const found = [...functions, ...containers].map(({ module, environment }) => ({
    module: relative(projectPath(''), module),
    environment: Object.fromEntries(
      Object.entries(environment).filter(([variable]) => !OF_THE_RUNTIME.includes(variable)),
    ),
  }));

  it.each(Object.entries(programs))('of %s is what its contract declares', (module, contract) => {
    const deployed = found.filter((item) => item.module === module);
    expect(deployed).toHaveLength(contract.count);
    for (const { environment } of deployed) {
      expect(contract.environment.strict().safeParse(environment).error).toBeUndefined();
    }
  });

  it('leaves nothing to a default that the configuration decides', () => {
    const left = found.flatMap(({ module, environment }) =>
      Object.keys(programs[module]!.environment.shape).filter(
        (variable) => !(variable in environment) && !ONE_MACHINE.test(variable) && !OWN_DEFAULT.has(variable),
      ),
    );
    // Without a venue's secret its program takes the key from the environment.
    const { enabled, key_secret } = configurationOf(name).venues.kalshi;
    expect([...new Set(left)]).toEqual(enabled && key_secret !== '' ? [] : ['KALSHI_KEY_SECRET']);
  });

  it('is nobody’s without a contract', () => {
    expect(found.map(({ module }) => module).filter((module) => !(module in programs))).toEqual([]);
  });
});

describe('the contracts', () => {
  it('are those of every program that the project has', () => {
    const folders = (top: string, entry: string): string[] =>
      readdirSync(projectPath(top), { withFileTypes: true })
        .filter((item) => item.isDirectory() && existsSync(projectPath(`${top}/${item.name}/${entry}`)))
        .map(({ name }) => `${top}/${name}/${entry}`);
    expect(Object.keys(programs).sort()).toEqual(
      [...folders('lambdas', 'handler.ts'), ...folders('containers', 'main.ts')].sort(),
    );
  });

  it.each(Object.entries(programs))(
    'of %s declare what it reads, no more and no less',
    async (module, { environment }) => {
      const files = await sourcesOf(module);
      expect(files).toContain(module);
      const texts = files.filter((file) => file !== `${dirname(module)}/contract.ts`).map(read);
      const declared = Object.keys(environment.shape);
      expect(declared.filter((variable) => !isNamed(variable, texts.join('\n')))).toEqual([]);
      const taken = texts.flatMap((text) =>
        [...text.matchAll(/process\.env(?:\.(\w+)|\[['"](\w+)['"]\])/g)].map(
          ([, dotted, quoted]) => dotted ?? quoted!,
        ),
      );
      expect(taken.filter((variable) => !declared.includes(variable))).toEqual([]);
    },
  );
});
