import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunState } from '../../local/run/state-file.ts';
import type { RunningCommand } from './tape.ts';

/** A run of `tape up` in a folder, watched from outside. */
export class WatchedRun {
  readonly command: RunningCommand;
  readonly folder: string;
  /** Every process that the run ever named, by its name and number. */
  readonly seen = new Map<number, string>();

  constructor(command: RunningCommand, folder: string) {
    this.command = command;
    this.folder = folder;
  }

  /** What the run says of itself now; null before it does. */
  state(): RunState | null {
    let found: RunState;
    try {
      found = JSON.parse(readFileSync(join(this.folder, 'run.json'), 'utf8')) as RunState;
    } catch {
      return null;
    }
    for (const [name, pid] of Object.entries(found.processes)) this.seen.set(pid, name);
    return found;
  }

  /** Resolves when something can be seen. @throws with what was printed when it does not come, or the run ends */
  async until<T>(what: string, look: () => T | null | undefined, limitMillis = 180_000): Promise<T> {
    let hasEnded = false;
    void this.command.finished.then(() => {
      hasEnded = true;
    });
    const ends = Date.now() + limitMillis;
    for (;;) {
      const found = look();
      if (found !== null && found !== undefined) return found;
      if (hasEnded || Date.now() > ends) {
        throw new Error(`${what} did not come within ${limitMillis} ms:\n${this.command.stderr()}`);
      }
      await sleep(50);
    }
  }

  /** Everything is up. */
  async capturing(): Promise<RunState> {
    return await this.until('the capture', () => {
      const found = this.state();
      if (found === null || found.simulator === null) return null;
      return Object.values(found.lines).every(({ health }) => health !== null) ? found : null;
    });
  }

  /** Ends it whatever it does: a test that failed must not leave a run behind. Its processes follow it. */
  async kill(): Promise<void> {
    try {
      process.kill(this.command.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
    await this.command.finished;
  }

  /** Those of its processes that are still there. */
  alive(): string[] {
    return [...this.seen].flatMap(([pid, name]) => {
      try {
        process.kill(pid, 0);
        return [name];
      } catch {
        return [];
      }
    });
  }
}
