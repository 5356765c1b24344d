import type { ConnectionEpoch, FrameOutcome } from '../capture/line.ts';
import type { GapCause } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { frameText } from '../venues/frame-bytes.ts';
import type { SessionPort, VenueSession } from '../venues/session.ts';
import { DataWatch } from './data-watch.ts';
import type { PoolParts } from './pool-contract.ts';
import type { Socket } from './socket.ts';

/** How a socket's life ended. */
export interface LifeEnd {
  readonly kind: 'closed' | 'refused' | 'unauthorized' | 'failed' | 'replaced';
  /** Close code, or HTTP status where the upgrade was refused. */
  readonly code: number;
  readonly reason: string;
  readonly cause: GapCause;
}

/** What a life has to know of the place it fills. */
export interface LifePlace {
  readonly name: string;
  readonly purpose: string;
  /** Watch of the last life here that had data. */
  readonly usual: DataWatch | null;
}

export interface LifeOwner {
  /** Why nothing that comes is to be read any more, in words; null while it is. */
  forsakes(now: Micros): string | null;
  open(life: Life, now: Micros): void;
  bound(life: Life, sid: number, instruments: readonly string[], now: Micros): void;
  dropped(life: Life, instruments: readonly string[], cause: GapCause, reason: string, now: Micros): void;
  refused(life: Life, instruments: readonly string[], reason: string, now: Micros): void;
  outcome(life: Life, outcome: FrameOutcome, now: Micros): void;
  /** The last word of a life; nothing follows. */
  ended(life: Life, end: LifeEnd, now: Micros): void;
  notice(kind: string, message: string, life: Life): void;
}

/** One subscription that carries books: sid of one life. */
export interface Carriage {
  readonly life: Life;
  readonly sid: number;
  readonly watch: DataWatch;
}

const utf8 = new TextDecoder();

/** One life of one socket with its session, from the upgrade request to the close: one connection epoch. */
export class Life {
  readonly place: LifePlace;
  readonly epoch: ConnectionEpoch;
  readonly session: VenueSession;
  readonly startedAt: Micros;
  readonly watch: DataWatch;
  readonly carriages = new Map<number, Carriage>();
  state: 'connecting' | 'open' | 'over' = 'connecting';
  openedAt: Micros | null = null;
  /** Whatever came last: up to here the socket delivered everything that was sent before. */
  lastInboundAt: Micros;
  hasData = false;
  /** When it last brought data of a book that was no first one; null before. */
  bookAt: Micros | null = null;
  /** When it was last found that something may be lost of it; null before. */
  interruptedAt: Micros | null = null;
  messageAge: number | null = null;
  /** Feeds: since when all channels of this socket are subscribed. */
  carryingSince: Micros | null = null;
  frames = 0;
  binaryFrames = 0;
  /** Instruments taken off this socket, and when. */
  readonly removed = new Map<string, Micros>();
  /** Those of them that the venue goes on sending. */
  readonly strays = new Set<string>();
  /** What the session of a successor gave up again before it carried it. */
  readonly forgotten = new Set<string>();
  /** Resolves when the socket is closed for good, which may be later than the end of this life. */
  readonly gone: Promise<void>;
  #isGone: () => void = () => {};
  readonly #parts: PoolParts;
  readonly #owner: LifeOwner;
  #socket: Socket | null = null;

  constructor(
    place: LifePlace,
    epoch: number,
    parts: PoolParts,
    owner: LifeOwner,
    headers: Readonly<Record<string, string>>,
  ) {
    this.place = place;
    this.#parts = parts;
    this.#owner = owner;
    this.gone = new Promise((resolve) => {
      this.#isGone = resolve;
    });
    const now = parts.clock();
    this.startedAt = now;
    this.lastInboundAt = now;
    this.watch = new DataWatch(now, place.usual ?? undefined);
    const { profile } = parts;
    this.epoch = { venue: profile.venue, name: `${place.name}#${epoch}`, useYesPrice: profile.useYesPrice };
    this.session = profile.session(place.purpose, this.#port());
    this.#socket = parts.socketFactory(
      { url: parts.settings.url, headers },
      {
        opened: () => this.#opened(),
        message: (data) => this.#message(data, typeof data !== 'string'),
        text: (bytes) => this.#message(bytes, false),
        heartbeat: (kind) => this.#heartbeat(kind),
        refused: (status, body) => this.#refused(status, body),
        closed: (code, reason) => {
          this.#isGone();
          this.#end({ kind: 'closed', code, reason, cause: 'disconnected' });
        },
      },
    );
  }

  /**
   * Up to when the socket is known to have been in order. Whatever came last was sent after all that came before; but
   * a socket may answer heartbeats and bring nothing else, so that where data was due, only data counts.
   */
  get soundUntil(): Micros {
    return this.watch.isUsualUntil(this.lastInboundAt) ? this.lastInboundAt : this.watch.lastAt;
  }

  /** The subscription that carries books under this sid; made at first sight. */
  carriage(sid: number, now: Micros): Carriage {
    let carriage = this.carriages.get(sid);
    if (carriage === undefined) {
      carriage = { life: this, sid, watch: new DataWatch(now) };
      this.carriages.set(sid, carriage);
    }
    return carriage;
  }

  /** Ends this life from our side. A polite close is not waited for: nothing that still comes counts. */
  end(end: Omit<LifeEnd, 'code'>): void {
    if (this.state === 'over') return;
    const socket = this.#socket;
    this.#end({ ...end, code: 0 });
    if (end.kind === 'failed') socket?.terminate();
    else socket?.close(1000, '');
  }

  /** Drops the socket of a life that is over, if the polite close has not yet. */
  terminate(): void {
    this.#socket?.terminate();
  }

  #port(): SessionPort {
    const { clock, recorder } = this.#parts;
    return {
      send: (frame) => {
        if (this.state !== 'open') return;
        recorder.sent(clock(), this.epoch.name, frame);
        this.#socket?.send(frame);
      },
      beat: (text) => {
        if (this.state !== 'open') return;
        if (text === undefined) this.#socket?.ping();
        else this.#socket?.send(text);
      },
      bind: (sid, instruments) => {
        if (this.state === 'open') this.#owner.bound(this, sid, instruments, clock());
      },
      dropped: (instruments, cause, reason) => {
        if (this.state === 'open') this.#owner.dropped(this, instruments, cause, reason, clock());
      },
      refused: (instruments, reason) => {
        if (this.state === 'open') this.#owner.refused(this, instruments, reason, clock());
      },
      fail: (cause, reason) => this.end({ kind: 'failed', reason, cause }),
      unauthorized: (reason) => this.end({ kind: 'unauthorized', reason, cause: 'disconnected' }),
      notice: (kind, message) => this.#owner.notice(kind, message, this),
    };
  }

  #opened(): void {
    if (this.state !== 'connecting') return;
    const now = this.#parts.clock();
    this.state = 'open';
    this.openedAt = now;
    this.lastInboundAt = now;
    this.#guard(() => {
      this.session.opened(now);
      this.#owner.open(this, now);
    });
  }

  /** @param data a text, or bytes: of a text in UTF-8, or of a binary frame */
  #message(data: string | Uint8Array, isBinary: boolean): void {
    if (this.state === 'over') return;
    const now = this.#parts.clock();
    // Stored before anything looks at it.
    const { recorder } = this.#parts;
    if (isBinary || typeof data === 'string') recorder.received(now, this.epoch.name, data);
    else if (recorder.receivedText === undefined) recorder.received(now, this.epoch.name, frameText(data));
    else recorder.receivedText(now, this.epoch.name, data);
    const reason = this.#owner.forsakes(now);
    if (reason !== null) {
      this.end({ kind: 'failed', reason, cause: 'disconnected' });
      return;
    }
    this.lastInboundAt = now;
    this.frames++;
    const read = () => {
      let text = data;
      if (isBinary) {
        this.binaryFrames++;
        this.#owner.notice('binary_frame', `a binary frame of ${data.length} bytes`, this);
        text = utf8.decode(data as Uint8Array);
      }
      const outcome = this.#parts.keeper.frame(this.epoch, text, now);
      this.#owner.outcome(this, outcome, now);
    };
    if (this.#guard(read)) return;
    // Its number may be accepted already, so that nothing else would show what is missing.
    this.#guard(() => this.#owner.outcome(this, this.#parts.keeper.frameFailed(this.epoch, now), now));
  }

  #heartbeat(kind: 'ping' | 'pong'): void {
    if (this.state !== 'open') return;
    const now = this.#parts.clock();
    this.lastInboundAt = now;
    this.#guard(() => this.session.heartbeat(kind, now));
  }

  #refused(status: number, body: string): void {
    this.#isGone();
    const kind = status === 401 || status === 403 ? 'unauthorized' : 'refused';
    const reason = `HTTP ${status} ${body.replace(/\s+/g, ' ').slice(0, 200)}`.trim();
    this.#end({ kind, code: status, reason, cause: 'disconnected' });
  }

  #end(end: LifeEnd): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.#guard(() => this.#owner.ended(this, end, this.#parts.clock()));
  }

  /** Nothing from outside may throw out of a message handler. @returns whether nothing did. */
  #guard(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#owner.notice(
        'internal_error',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
        this,
      );
      return false;
    }
  }
}
