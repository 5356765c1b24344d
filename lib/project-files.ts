import { fileURLToPath } from 'node:url';

/** Absolute path of a file of this project, wherever the process was started. */
export function projectFile(relative: string): string {
  return fileURLToPath(new URL(`../${relative}`, import.meta.url));
}
