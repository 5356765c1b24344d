import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '#src/config/load.ts';
import { layoutOf } from './layout.ts';
import { LocalRun } from './local-run.ts';
import { takeLock } from './lock.ts';
import { ProgressDisplay } from './progress.ts';
import { parseSource } from './sources.ts';
import { renderSummary } from './summary.ts';
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
}

/** Empties the data folder but for the lock that this process holds. */
function emptyFolder(directory: string, keep: string): void {
  for (const entry of readdirSync(directory)) {
    const path = join(directory, entry);
    if (path !== keep) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * `tape up`: starts everything, shows progress, and on Ctrl-C, SIGTERM, the end of the given time or the end of
 * a recording drains and prints a summary. A second Ctrl-C ends at once.
 *
 * @returns the exit code: 0 unless something on the way was lost or left running.
 */
export async function up(options: UpOptions): Promise<number> {
  const source = parseSource(options.source);
  const configuration = loadConfiguration(options.config, process.env);
  const layout = layoutOf(options.data);
  mkdirSync(layout.directory, { recursive: true });
  const releaseLock = takeLock(layout.lockFile);
  const output = options.json === true ? process.stderr : process.stdout;
  const display = new ProgressDisplay(output);
  const stopRequested = Promise.withResolvers<string>();
  let run: LocalRun | null = null;
  const killTimers: NodeJS.Timeout[] = [];
  let interrupts = 0;
  const interrupt = (signal: NodeJS.Signals): void => {
    interrupts++;
    stopRequested.resolve(signal);
    if (interrupts === 1) display.note('stopping: draining what was captured (once more ends at once)');
    if (interrupts === 2) {
      run?.killAll();
      releaseLock();
      process.exit(130);
    }
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt);

  try {
    if (options.fresh === true && existsSync(layout.directory))
      emptyFolder(layout.directory, layout.lockFile);
    run = new LocalRun({
      source,
      configuration,
      configurationFile: options.config,
      layout,
      note: (text) => display.note(text),
      seed: options.seed ?? 1,
      rate: options.rate ?? null,
      faults: options.faults ?? null,
      speed: options.speed,
    });
    const started = Date.now();
    await Promise.race([run.start(), stopRequested.promise]);
    const capturing = run;
    for (const { line, atSeconds } of options.kill ?? []) {
      killTimers.push(
        setTimeout(() => {
          display.note(`killing the gatherer of line ${line}`);
          capturing.killGatherer(line);
        }, atSeconds * 1_000),
      );
    }
    const ends = options.seconds === undefined ? null : Date.now() + options.seconds * 1_000;
    const finished = Promise.race([
      stopRequested.promise,
      run.sourceEnded,
      ...(ends === null ? [] : [sleep(Math.max(0, ends - Date.now()), 'time', { ref: true })]),
    ]);
    let done = false;
    void finished.then(() => {
      done = true;
    });
    while (!done) {
      display.show({
        ...(await run.figures()),
        secondsRunning: (Date.now() - started) / 1_000,
        secondsLeft: ends === null ? null : (ends - Date.now()) / 1_000,
      });
      await Promise.race([finished, sleep(1_000)]);
    }
    for (const timer of killTimers) clearTimeout(timer);
    const summary = await run.finish();
    if (options.json === true) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else process.stdout.write(`${renderSummary(summary)}\n`);
    const { truth } = summary;
    return truth !== null && (truth.missing > 0 || truth.extra > 0 || truth.books_wrong > 0) ? 1 : 0;
  } finally {
    await run?.stopAll();
    releaseLock();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    process.off('SIGHUP', interrupt);
  }
}
