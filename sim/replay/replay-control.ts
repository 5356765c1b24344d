import { type PlaybackSpeed, PlaybackSpeedError, parseSpeed } from '#src/replay/pace.ts';
import { type Micros, TimeError } from '#src/units/time.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';
import type { ReadyLine } from '../server/venue-listeners.ts';
import { timeOf } from './event-stream.ts';

/** A replay beside another: where it is, and the number by which it can be closed. */
export type OpenedSession = ReadyLine & { readonly session: number };

/** What can be done to a replay while it runs. */
export interface ControlledReplay {
  begin(): void;
  pause(): void;
  resume(): void;
  /** Goes on from the first message received at that time or later, whichever way that lies. */
  seek(at: Micros): void;
  setSpeed(speed: PlaybackSpeed): void;
  /**
   * Another replay of the same recording beside this one, with addresses and a clock of its own. One that is over and has
   * no sockets gives way to it; null when there are too many others.
   */
  open(speed: PlaybackSpeed | null): Promise<OpenedSession | null>;
  /** Ends a session and its addresses; false when there is none of that number. */
  close(session: number): Promise<boolean>;
  status(): unknown;
}

const ok = (body: unknown): RestAnswer => ({ status: 200, body });
const opened = (session: OpenedSession | null): RestAnswer =>
  session === null ? { status: 429, body: { error: 'too many sessions' } } : ok(session);
const bad = (error: string): RestAnswer => ({ status: 400, body: { error } });

/** The replay's own interface, beside the venues': when and how fast it plays, and for whom. */
export class ReplayControl {
  readonly #replay: ControlledReplay;

  constructor(replay: ControlledReplay) {
    this.#replay = replay;
  }

  handle = async (request: RestRequest): Promise<RestAnswer> => {
    let wish: { at?: unknown; speed?: unknown };
    try {
      wish = request.body === '' ? {} : (JSON.parse(request.body) ?? {});
    } catch {
      return bad('the body is not JSON');
    }
    try {
      return await this.#answer(`${request.method} ${request.path}`, wish);
    } catch (error) {
      if (error instanceof TimeError || error instanceof PlaybackSpeedError) return bad(error.message);
      throw error;
    }
  };

  async #answer(route: string, { at, speed }: { at?: unknown; speed?: unknown }): Promise<RestAnswer> {
    const closed = /^DELETE \/control\/sessions\/(\d{1,9})$/.exec(route)?.[1];
    if (closed !== undefined) {
      if (await this.#replay.close(Number(closed))) return ok({ closed: Number(closed) });
      return { status: 404, body: { error: `there is no session ${closed}` } };
    }
    switch (route) {
      case 'POST /control/start':
        this.#replay.begin();
        break;
      case 'POST /control/pause':
        this.#replay.pause();
        break;
      case 'POST /control/resume':
        this.#replay.resume();
        break;
      case 'POST /control/seek':
        this.#replay.seek(timeOf(String(at)));
        break;
      case 'POST /control/speed':
        this.#replay.setSpeed(parseSpeed(String(speed)));
        break;
      case 'POST /control/sessions':
        return opened(await this.#replay.open(speed === undefined ? null : parseSpeed(String(speed))));
      case 'POST /control/flush':
      case 'GET /control/status':
        break;
      default:
        return { status: 404, body: { error: `${route} is unknown` } };
    }
    return ok(this.#replay.status());
  }
}
