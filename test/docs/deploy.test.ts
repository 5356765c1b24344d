import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Synthesized } from '../infrastructure/synthesized.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const pages = [
  'docs/deploy.md',
  ...readdirSync(`${root}docs/runbooks`).map((file) => `docs/runbooks/${file}`),
];

const demo = Synthesized.of('demo');
const stacks = [...demo.templates.keys()];
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const commands = new Set(
  readdirSync(`${root}cli/commands`).flatMap((file) =>
    [...read(`cli/commands/${file}`).matchAll(/new Command\('([a-z]+)'\)/g)].map(([, name]) => name!),
  ),
);
const CDK = ['bootstrap', 'list', 'diff', 'deploy', 'destroy', 'synth'];

/** Lines of the shell, without what is a comment. */
const shellLines = (text: string): string[] =>
  [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block!.split('\n').map((line) => line.replace(/(^|\s)#.*$/, '').trim()),
  );

/** Words after a command that are neither options nor their values. */
const operands = (line: string): string[] =>
  line
    .replace(/ -c \S+/g, '')
    .split(/\s+/)
    .slice(3)
    .filter((word) => !word.startsWith('-') && word !== '');

describe.each(pages)('%s', (page) => {
  const text = read(page);
  const lines = shellLines(text);

  it('runs only scripts and commands that there are', () => {
    for (const line of lines) {
      const script = /^npm (?:run )?(\S+)/.exec(line)?.[1];
      if (script !== undefined && script !== 'ci') expect(Object.keys(scripts)).toContain(script);
    }
    for (const [, command] of text.matchAll(/(?:npm run tape -- |`tape )([a-z]+)/g))
      expect(commands).toContain(command);
  });

  it('names only stacks that there are', () => {
    for (const line of lines.filter((found) => found.startsWith('npx cdk'))) {
      const command = line.split(/\s+/)[2]!;
      expect(CDK).toContain(command);
      if (['deploy', 'destroy', 'diff'].includes(command))
        for (const stack of operands(line)) expect(stacks).toContain(stack);
    }
    for (const [, stack] of text.matchAll(
      /prediction-tape-(?:demo|prod|ENV)-([a-z]+(?:-[a-z]\b|-\$line|-LINE)?)/g,
    )) {
      const known = [...stacks, 'tape', 'cost'].map((name) => name.replace(/-[abc]$/, ''));
      expect(known).toContain(stack!.replace(/-(\$line|LINE|[abc])$/, ''));
    }
  });
});

describe.each(['demo', 'prod'] as const)('what is looked up by name in %s', (environment) => {
  const { templates } = Synthesized.of(environment);

  it('is one resource of its stack', () => {
    const lookups = [
      ...read('docs/deploy.md').matchAll(
        /\$\(resource prediction-tape-(demo|prod)-(\S+) (AWS::\S+) (\w+)\)/g,
      ),
    ].filter(([, name]) => name === environment);
    expect(lookups.length).toBeGreaterThan(0);
    for (const [text, , stack, type, beginning] of lookups) {
      const found = Object.entries(templates.get(stack!)!.Resources).filter(
        ([id, { Type }]) => Type === type && id.startsWith(beginning!),
      );
      expect(
        found.map(([id]) => id),
        text,
      ).toHaveLength(1);
    }
  });
});

describe('deploying', () => {
  const lines = shellLines(read('docs/deploy.md'));

  it.each(['deploy', 'destroy'] as const)('leaves no stack out: %s', (command) => {
    const named = lines
      .filter((line) => line.startsWith(`npx cdk ${command}`) && line.includes('env=demo'))
      .flatMap(operands);
    expect([...new Set(named)].sort()).toEqual([...stacks].sort());
  });

  it('names no stack before those that it needs', () => {
    const order = lines
      .filter((line) => line.startsWith('npx cdk deploy') && line.includes('env=demo'))
      .map(operands);
    const done = new Set<string>();
    for (const step of order) {
      for (const stack of step) done.add(stack);
      for (const stack of step)
        for (const needed of demo.dependencies.get(stack) ?? [])
          expect(done, `${stack} needs ${needed}`).toContain(needed);
    }
  });
});
