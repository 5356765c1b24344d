import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As shells tell an end by a signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type Ending = keyof typeof EXIT_CODES;

const leftovers = new Set<() => void>();

function clearAll(): void {
  for (const clear of leftovers) clear();
  leftovers.clear();
}

/** Whoever listens besides puts things in order by itself, and ends the process. */
function end(signal: Ending): void {
  if (!isHeardByOthers(signal)) process.exit(EXIT_CODES[signal]);
}

/** Whether anything listens for a signal but what clears away leftovers. */
export function isHeardByOthers(signal: Ending): boolean {
  return process.listeners(signal).some((listener) => listener !== end);
}

/**
 * Has something taken away where the process ends before it is done with it: by a mistake, Ctrl-C or SIGTERM.
 *
 * @param clear does so at once, and nothing where it has gone already.
 * @returns to be called when there is nothing to take away any more.
 */
export function clearedAtEnd(clear: () => void): () => void {
  if (leftovers.size === 0) {
    process.on('exit', clearAll);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  }
  leftovers.add(clear);
  return () => {
    leftovers.delete(clear);
    if (leftovers.size > 0) return;
    process.off('exit', clearAll);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  };
}

/** Gives a new folder for as long as the work takes, and no longer, however the process ends. */
export async function withScratchFolder<Result>(
  prefix: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  const done = clearedAtEnd(clear);
  try {
    return await work(folder);
  } finally {
    clear();
    done();
  }
}
