import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectFile } from './project-files.ts';

const FOLDER = 'containers/gatherer';

/** What the program of the gatherer is made of, besides the packages of `package-lock.json`. */
const PROGRAM = ['package.json', 'config', 'src', FOLDER] as const;

/** Beside the program: what its image is built by. */
const BUILD = ['package.json', 'package-lock.json'] as const;

/** Entry of the program within its folder. */
export const GATHERER_ENTRY = `${FOLDER}/main.ts`;

/** Folder of the program within what is assembled. */
export const PROGRAM_FOLDER = 'program';

/**
 * Puts together what the image of the gatherer is built from, and nothing else: a Dockerfile, the lists of packages,
 * and in a folder of its own exactly the files that the image runs.
 *
 * @param directory is emptied first.
 */
export function assembleGathererImage(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  cpSync(projectFile(`${FOLDER}/Dockerfile`), join(directory, 'Dockerfile'));
  for (const file of BUILD) cpSync(projectFile(file), join(directory, file));
  for (const part of PROGRAM) {
    cpSync(projectFile(part), join(directory, PROGRAM_FOLDER, part), {
      recursive: true,
      filter: (source) => !source.endsWith('Dockerfile'),
    });
  }
}
