import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '#src/config/load.ts';
import { type Layout, layoutOf } from './layout.ts';
import { LocalRun } from './local-run.ts';
import { takeLock } from './lock.ts';
import { ProgressDisplay } from './progress.ts';
import { parseSource } from './sources.ts';
import { isFaithful, renderSummary } from './summary.ts';
import type { GathererName } from './wiring.ts';

/** A fault made on purpose: one line's gatherer gets SIGKILL. The supervisor starts it anew. */
export interface Kill {
  readonly line: GathererName;
  /** From the begin of the capture. */
  readonly atSeconds: number;
}

export interface UpOptions {
  readonly source: string;
  readonly seconds?: number;
  readonly fresh?: boolean;
  readonly config: string;
  readonly data: string;
  readonly seed?: number;
  readonly rate?: number;
  readonly faults?: string;
  readonly speed: string;
  readonly kill?: readonly Kill[];
  readonly json?: boolean;
  /** Port of the console: `CONSOLE_PORT` or, where that is taken, any when absent. */
  readonly consolePort?: number;
  /** False: no console. */
  readonly console?: boolean;
  /** Of the package, shown by the console. */
  readonly version: string;
}

/** Where the console of a run is found, unless something else is there. */
export const CONSOLE_PORT = 4173;

/** A folder that `--fresh` must not empty. */
class ForeignFolder extends Error {
  override readonly name = 'ForeignFolder';
}

/** A terminal and npm may both pass on one Ctrl-C. */
const ONE_INTERRUPT_MILLIS = 250;
/** Node's timers hold no more. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1;

/**
 * Removes what earlier runs left in the data folder, and nothing else.
 *
 * @throws ForeignFolder when there are files and none of them is a run's: a mistyped `--data`.
 */
function removeEarlierRuns(layout: Layout): void {
  const own = new Set(layout.entries);
  const found = readdirSync(layout.directory).filter(
    (entry) => join(layout.directory, entry) !== layout.lockFile,
  );
  if (found.length > 0 && !found.some((entry) => own.has(entry))) {
    throw new ForeignFolder(
      `--fresh would empty ${layout.directory}, which holds files and none of an earlier run; name another folder with --data`,
    );
  }
  for (const entry of found) {
    if (own.has(entry)) rmSync(join(layout.directory, entry), { recursive: true, force: true });
  }
}

/** Resolves at a time, however far away. */
async function until(time: number, signal: AbortSignal): Promise<string> {
  for (let left = time - Date.now(); left > 0; left = time - Date.now()) {
    await sleep(Math.min(left, MAX_TIMER_MILLIS), null, { signal });
  }
  return 'time';
}

/**
 * `tape up`: starts everything, shows progress, and on Ctrl-C, SIGTERM, the end of the given time or the end of
 * a recording drains and prints a summary. A second Ctrl-C ends at once.
 *
 * @returns the exit code: 0 unless something on the way was lost or nothing was captured.
 */
export async function up(options: UpOptions): Promise<number> {
  const source = parseSource(options.source);
  const configuration = loadConfiguration(options.config, process.env);
  const layout = layoutOf(options.data);
  mkdirSync(layout.directory, { recursive: true });
  const releaseLock = takeLock(layout.lockFile);
  const display = new ProgressDisplay(options.json === true ? process.stderr : process.stdout);
  const stopRequested = Promise.withResolvers<string>();
  const timers = new AbortController();
  const killTimers: NodeJS.Timeout[] = [];
  let run: LocalRun | null = null;
  const starting = new AbortController();
  let isCapturing = false;
  let interrupts = 0;
  let lastInterrupt = 0;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (Date.now() - lastInterrupt < ONE_INTERRUPT_MILLIS) return;
    lastInterrupt = Date.now();
    interrupts++;
    stopRequested.resolve(signal);
    starting.abort(new Error(`stopped by ${signal}`));
    if (interrupts === 1) {
      display.note(
        isCapturing
          ? 'stopping: draining what was captured (once more ends at once)'
          : 'stopping before the capture began (once more ends at once)',
      );
    }
    if (interrupts === 2) {
      run?.killAll();
      releaseLock();
      process.exit(130);
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);

  try {
    if (options.fresh === true) removeEarlierRuns(layout);
    const capture = new LocalRun({
      source,
      configuration,
      configurationFile: options.config,
      layout,
      note: (text) => display.note(text),
      seed: options.seed ?? 1,
      rate: options.rate ?? null,
      faults: options.faults ?? null,
      speed: options.speed,
      console:
        options.console === false
          ? null
          : {
              port: options.consolePort ?? CONSOLE_PORT,
              mayMove: options.consolePort === undefined,
              version: options.version,
            },
    });
    run = capture;
    const started = Date.now();
    try {
      await capture.start(starting.signal);
    } catch (error) {
      if (!starting.signal.aborted) throw error;
    }
    if (starting.signal.aborted) {
      process.stderr.write('tape: stopped before the capture began\n');
      return 130;
    }
    isCapturing = true;
    for (const { line, atSeconds } of options.kill ?? []) {
      killTimers.push(
        setTimeout(() => {
          display.note(`killing the gatherer of line ${line}`);
          capture.killGatherer(line);
        }, atSeconds * 1_000),
      );
    }
    const ends = options.seconds === undefined ? null : Date.now() + options.seconds * 1_000;
    const finished = Promise.race([
      stopRequested.promise,
      capture.sourceEnded,
      capture.failed,
      ...(ends === null ? [] : [until(ends, timers.signal)]),
    ]);
    let done = false;
    const settled = finished.then(
      () => {
        done = true;
      },
      () => {
        done = true;
      },
    );
    while (!done) {
      const figures = await Promise.race([capture.figures(), settled]);
      if (figures === undefined) break;
      display.show({
        ...figures,
        secondsRunning: (Date.now() - started) / 1_000,
        secondsLeft: ends === null ? null : (ends - Date.now()) / 1_000,
      });
      await Promise.race([settled, sleep(1_000)]);
    }
    await finished.catch((error: Error) => {
      display.note(`stopping: ${error.message}`);
      throw error;
    });
    for (const timer of killTimers) clearTimeout(timer);
    const summary = await capture.finish();
    process.stdout.write(`${options.json === true ? JSON.stringify(summary) : renderSummary(summary)}\n`);
    if (Object.values(summary.lines).every(({ frames }) => frames === 0)) {
      process.stderr.write(`tape: no line captured anything; the reason is in ${layout.logs}\n`);
      return 1;
    }
    for (const denied of capture.deniedCalls) process.stderr.write(`tape: AWS would refuse: ${denied}\n`);
    return isFaithful(summary.truth) && capture.deniedCalls.length === 0 ? 0 : 1;
  } finally {
    timers.abort();
    for (const timer of killTimers) clearTimeout(timer);
    await run?.stopAll();
    releaseLock();
    for (const signal of signals) process.off(signal, interrupt);
  }
}
