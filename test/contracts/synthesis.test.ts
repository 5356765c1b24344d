import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectPath } from '../../local/template/project-path.ts';
import { contentHash, synthesized } from '../../local/template/synthesis.ts';
import { assemblyOf, configurationOf } from './assembly.ts';

const file = projectPath('config/local.yaml');
const configuration = configurationOf('local');

it('a local run synthesizes the stacks that the constructs make, once for the same content', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'));
  const first = await synthesized(file, configuration, folder);
  expect(first).toEqual(JSON.parse(JSON.stringify(assemblyOf(configuration))));
  const [kept] = readdirSync(folder);
  const { mtimeMs } = statSync(join(folder, kept!));
  expect(await synthesized(file, configuration, folder)).toEqual(first);
  expect(readdirSync(folder)).toEqual([kept]);
  expect(statSync(join(folder, kept!)).mtimeMs).toBe(mtimeMs);
});

it('another configuration is other content, and what was left of the old one goes', async () => {
  const other = { ...configuration, log_level: 'debug' as const };
  expect(contentHash(other)).not.toBe(contentHash(configuration));
  expect(contentHash({ ...configuration })).toBe(contentHash(configuration));
  const folder = mkdtempSync(join(tmpdir(), 'templates-'));
  writeFileSync(join(folder, 'old.json'), '[]');
  await synthesized(file, other, folder);
  expect(readdirSync(folder)).toEqual([`${contentHash(other)}.json`]);
});

it('stacks that cannot be synthesized end the start with what is wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'));
  const broken = join(folder, 'broken.yaml');
  writeFileSync(broken, readFileSync(file, 'utf8').replace('interval_seconds: 2', 'interval_seconds: two'));
  await expect(synthesized(broken, configuration, join(folder, 'templates'))).rejects.toThrow(
    `the stacks cannot be synthesized: ${broken}: merge.interval_seconds: expected a number, found "two"`,
  );
});
