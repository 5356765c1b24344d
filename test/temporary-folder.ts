/**
 * A folder of its own for everything that a run of the tests puts aside, so that a test that fails, is cut off or starts
 * a program that is killed leaves nothing on the machine.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The machine's own folder for temporary files, for what later runs are to find again. */
    keptTemporary: string;
  }
}

export default function setup(project: TestProject): () => void {
  const machine = tmpdir();
  const before = process.env['TMPDIR'];
  const folder = mkdtempSync(join(machine, 'prediction-tape-tests-'));
  // Databases run as another account when the tests run as root.
  chmodSync(folder, 0o755);
  process.env['TMPDIR'] = folder;
  project.provide('keptTemporary', machine);
  return () => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true, force: true });
  };
}
