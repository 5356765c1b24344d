import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

export interface ChildSpecification {
  readonly name: string;
  /** Module to run, absolute. */
  readonly module: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Receives everything the process prints. */
  readonly logFile: string;
  /** Restart with backoff when it ends by itself. */
  readonly restart: boolean;
}

/** A process that ended before it said that it was ready. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed';
}

const FOLLOW_PARENT = new URL('./follow-parent.ts', import.meta.url).href;
const MAX_BACKOFF_MILLIS = 10_000;

/**
 * A child process of the local run: log file, ready line (`{"ready":true,…}` on standard output), restart with
 * backoff as ECS does, and the peak of its resident memory.
 */
export class Child {
  readonly specification: ChildSpecification;
  readonly #log: WriteStream;
  #process: ChildProcess | null = null;
  #stopping = false;
  #downUntil = 0;
  #restarts = 0;
  #peakRssKibibytes = 0;
  #lastLine = '';
  #errorLine = '';
  /** Told when a process that is not restarted ends by itself. */
  onEnd: ((message: string) => void) | null = null;
  readonly #onMessage: ((message: unknown) => void) | null;
  readonly #onReady: ((line: Record<string, unknown>) => void) | null;

  constructor(
    specification: ChildSpecification,
    listeners: {
      readonly onMessage?: (message: unknown) => void;
      /** Every ready line, those after a restart too. */
      readonly onReady?: (line: Record<string, unknown>) => void;
    } = {},
  ) {
    this.specification = specification;
    this.#onMessage = listeners.onMessage ?? null;
    this.#onReady = listeners.onReady ?? null;
    mkdirSync(dirname(specification.logFile), { recursive: true });
    this.#log = createWriteStream(specification.logFile, { flags: 'a' });
    this.#log.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get peakRssMebibytes(): number {
    this.sampleMemory();
    return Math.round(this.#peakRssKibibytes / 1024);
  }

  /** Reads the process's own high-water mark where the system has one. */
  sampleMemory(): void {
    if (this.#process?.pid === undefined) return;
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status);
      if (peak !== null) this.#peakRssKibibytes = Math.max(this.#peakRssKibibytes, Number(peak[1]));
    } catch {
      // Not Linux, or the process has just ended: the last sample stands.
    }
  }

  /** Resolves with the ready line. @throws ChildFailed with the last line printed when it ends before. */
  async start(): Promise<Record<string, unknown>> {
    return await this.#spawn();
  }

  #spawn(): Promise<Record<string, unknown>> {
    const { module, arguments: parameters, environment, name } = this.specification;
    const started = Date.now();
    const child = spawn(process.execPath, ['--import', FOLLOW_PARENT, module, ...parameters], {
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#process = child;
    if (this.#onMessage !== null) child.on('message', this.#onMessage);
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        this.#log.write(`${line}\n`);
        if (!line.startsWith('{"ready":true')) return;
        const ready = JSON.parse(line) as Record<string, unknown>;
        this.#onReady?.(ready);
        resolve(ready);
      });
      createInterface({ input: child.stderr! }).on('line', (line) => {
        if (line.trim() !== '') this.#lastLine = line;
        if (/^\w*Error\b/.test(line)) this.#errorLine = line;
        this.#log.write(`${line}\n`);
      });
      child.once('error', (error) => reject(new ChildFailed(`${name}: ${error.message}`)));
      child.once('exit', (code, signal) => {
        this.#process = null;
        const said = this.#errorLine || this.#lastLine || 'no message';
        const message = `${name} ended (${signal ?? `code ${code}`}): ${said}; log: ${this.specification.logFile}`;
        reject(new ChildFailed(message));
        if (this.#stopping) return;
        if (!this.specification.restart) {
          this.onEnd?.(message);
          return;
        }
        const lived = Date.now() - started;
        const backoff = lived > 30_000 ? 200 : Math.min(200 * 2 ** this.#restarts, MAX_BACKOFF_MILLIS);
        this.#restarts++;
        setTimeout(
          () => {
            if (!this.#stopping) this.#spawn().catch(() => {});
          },
          Math.max(backoff, this.#downUntil - Date.now()),
        );
      });
    });
  }

  send(message: object): void {
    if (this.#process?.connected === true) this.#process.send(message);
  }

  /** @param downMillis a process that ends by it is not started again before this time is over. */
  kill(signal: NodeJS.Signals, downMillis = 0): void {
    this.#downUntil = Date.now() + downMillis;
    this.#process?.kill(signal);
  }

  /** Asks the process to end, and kills it after the limit. @returns whether it ended by itself. */
  async stop(limitMillis: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<boolean> {
    this.sampleMemory();
    this.#stopping = true;
    const child = this.#process;
    if (child === null || child.exitCode !== null) {
      this.#log.end();
      return true;
    }
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    let graceful = true;
    const timer = setTimeout(() => {
      graceful = false;
      child.kill('SIGKILL');
    }, limitMillis);
    await ended;
    clearTimeout(timer);
    this.#log.end();
    return graceful;
  }
}
