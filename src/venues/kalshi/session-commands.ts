import type { Micros } from '../../units/time.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { ControlMessage } from '../decoder.ts';

/** What a reply says about its command: it was done, or an error's code and words. */
export type CommandResult =
  | {
      readonly ok: true;
      readonly sid: number | null;
      readonly subscriptions: readonly { readonly channel: string; readonly sid: number }[] | null;
    }
  | { readonly ok: false; readonly code: number; readonly message: string };

export interface CommandSettings {
  /** Commands without reply at one time. */
  readonly maxOutstanding: number;
  /** Commands a second; the venue allows 10,000 a session. */
  readonly perSecond: number;
  /** A reply that takes longer than this is counted as missing, microseconds.  */
  readonly timeout: number;
}

export const DEFAULT_COMMANDS: CommandSettings = {
  maxOutstanding: 4,
  perSecond: 100,
  timeout: 10 * MICROS_PER_SECOND,
};

/** The venue's code for a command that took it too long. */
const TIMED_OUT = 18;

interface PendingCommand {
  readonly name: string;
  readonly due: Micros;
  readonly done: (result: CommandResult, now: Micros) => void;
}

/**
 * Numbers the commands of one Kalshi session, finds the command that a reply belongs to, and bounds how many
 * are under way (protocol: `id` is an integer, unique per session, 0 means none).
 */
export class CommandBook {
  readonly #settings: CommandSettings;
  readonly #send: (frame: string) => void;
  readonly #pending = new Map<number, PendingCommand>();
  #nextId = 1;
  #second = 0;
  #sentThisSecond = 0;
  /** Commands that got no reply in time, in a row. */
  silentInARow = 0;

  constructor(settings: CommandSettings, send: (frame: string) => void) {
    this.#settings = settings;
    this.#send = send;
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  /** Whether a command may be sent now. */
  maySend(now: Micros): boolean {
    if (this.#pending.size >= this.#settings.maxOutstanding) return false;
    const second = Math.floor(now / MICROS_PER_SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#sentThisSecond = 0;
    }
    return this.#sentThisSecond < this.#settings.perSecond;
  }

  /** Sends a command; `done` is called with the reply, if one ever comes. */
  send(
    now: Micros,
    cmd: string,
    params: Readonly<Record<string, unknown>> | undefined,
    done: PendingCommand['done'],
  ): number {
    const id = this.#nextId++;
    const name = typeof params?.['action'] === 'string' ? params['action'] : cmd;
    this.#pending.set(id, { name, due: (now + this.#settings.timeout) as Micros, done });
    this.#sentThisSecond++;
    this.#send(JSON.stringify(params === undefined ? { id, cmd } : { id, cmd, params }));
    return id;
  }

  /** Hands a reply to its command. False when no command with its id is waiting. */
  reply(message: ControlMessage, now: Micros): boolean {
    if (message.type === 'pong' || message.id === null) return false;
    const command = this.#pending.get(message.id);
    if (command === undefined) return false;
    const result: CommandResult =
      message.type === 'error'
        ? { ok: false, code: message.code, message: message.message }
        : { ok: true, sid: message.sid, subscriptions: message.type === 'ok' ? message.subscriptions : null };
    this.#pending.delete(message.id);
    this.silentInARow = 0;
    command.done(result, now);
    return true;
  }

  /**
   * Gives up the commands whose time ran out, as if the venue had answered with its own code for that (18), and
   * returns their names. A reply that comes later belongs to nobody.
   */
  expire(now: Micros): string[] {
    const names: string[] = [];
    for (const [id, command] of this.#pending) {
      // In the order of sending, and all have the same time.
      if (command.due > now) break;
      this.#pending.delete(id);
      this.silentInARow++;
      names.push(command.name);
      command.done({ ok: false, code: TIMED_OUT, message: 'no reply in time' }, now);
    }
    return names;
  }
}
