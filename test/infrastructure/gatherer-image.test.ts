import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { DATA_DIRECTORY } from '../../lib/constructs/gatherer-service.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const dockerfile = read('containers/gatherer/Dockerfile');
const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
  sources!.split(' '),
);

it('the image of the gatherer has every file and package that its program imports', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['containers/gatherer/main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  const files = Object.keys(metafile.inputs);
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((file) => !copied.some((folder) => file.startsWith(`${folder}/`)))).toEqual([]);

  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const packages = Object.values(metafile.inputs)
    .flatMap(({ imports }) => imports)
    .filter(({ external, path }) => external === true && !path.startsWith('node:') && !isAbsolute(path))
    .map(({ path }) =>
      path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  expect(packages.length).toBeGreaterThan(0);
  expect([...new Set(packages)].filter((name) => !(name in dependencies))).toEqual([]);
});

it('the image of the gatherer runs as nobody special, on a volume that is its own', () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile).toContain(`chown node:node ${DATA_DIRECTORY}`);
  expect(dockerfile).toContain(`VOLUME ["${DATA_DIRECTORY}"]`);
  // Signals reach the program only in the exec form.
  expect(dockerfile).toMatch(/^CMD \["node", /m);
});

it('only what the image copies is sent to its build', () => {
  const lines = read('containers/gatherer/Dockerfile.dockerignore').split('\n');
  expect(lines).toContain('*');
  const let_in = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  expect(let_in.sort()).toEqual([...new Set(copied)].sort());
});
