import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** What other commands need to find a local run: written when it is up, removed when it ends. */
export interface RunState {
  readonly pid: number;
  /** Every process of the run but the supervisor, by its name. */
  readonly processes: Readonly<Record<string, number>>;
  readonly startedAt: string;
  readonly source: string;
  readonly production: { readonly url: string };
  readonly lines: Readonly<Record<'a' | 'b' | 'c', { readonly url: string; readonly health: string | null }>>;
  /** Address of the console; null while there is none. */
  readonly console: string | null;
  readonly simulator: { readonly control: string; readonly truth: string } | null;
}

export function writeRunState(file: string, state: RunState): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(partial, file);
}

/** Null when nothing is running. */
export function readRunState(file: string): RunState | null {
  let state: RunState;
  try {
    state = JSON.parse(readFileSync(file, 'utf8')) as RunState;
    process.kill(state.pid, 0);
  } catch {
    return null;
  }
  return state;
}

export function removeRunState(file: string): void {
  rmSync(file, { force: true });
}
