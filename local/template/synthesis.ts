import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Configuration } from '#src/config/schema.ts';
import { type Assembly, TemplateError } from './assembly.ts';
import { projectPath } from './project-path.ts';

/** Folders and files that a synthesis reads, but for the configuration. */
const READ_BY_SYNTHESIS = ['bin', 'lib', 'src', 'lambdas', 'containers', 'cdk.json', 'package-lock.json'];

/** Everything that the templates come from, as one word: equal content, equal templates. */
export function contentHash(configuration: Configuration): string {
  const hash = createHash('sha256').update(JSON.stringify(configuration));
  for (const part of READ_BY_SYNTHESIS) {
    const files = part.includes('.')
      ? [part]
      : readdirSync(projectPath(part), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .sort();
    for (const file of files) {
      const path = part.includes('.') ? projectPath(file) : file;
      // Absolute names would make a copy of the project another project.
      hash.update(`\0${path.slice(projectPath('').length)}\0`).update(readFileSync(path));
    }
  }
  return hash.digest('hex').slice(0, 32);
}

const run = promisify(execFile);

/**
 * The templates of a configuration's environment: synthesized by a process of its own, or as an earlier start
 * left them if nothing that they come from has changed since.
 *
 * @param folder holds the templates of the last synthesis.
 * @throws TemplateError with what the synthesis said.
 */
export async function synthesized(
  configurationFile: string,
  configuration: Configuration,
  folder: string,
): Promise<Assembly> {
  const file = `${contentHash(configuration)}.json`;
  const path = join(folder, file);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    try {
      await run(process.execPath, [projectPath('bin/local-template.ts'), configurationFile, path], {
        maxBuffer: 16 * 1024 * 1024,
      });
    } catch (error) {
      const { stderr, message } = error as Error & { readonly stderr?: string };
      throw new TemplateError(`the stacks cannot be synthesized: ${(stderr ?? '').trim() || message}`);
    }
    for (const old of readdirSync(folder)) if (old !== file) rmSync(join(folder, old), { force: true });
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Assembly;
}
