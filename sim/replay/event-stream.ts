import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { venueNames } from '#src/events/event.ts';
import { type EventFilter, playEvents } from '#src/replay/event-playback.ts';
import { PlaybackPace, type PlaybackSpeed, PlaybackSpeedError, parseSpeed } from '#src/replay/pace.ts';
import { type Clock, MICROS_PER_MILLI, type Micros, parseRfc3339, TimeError } from '#src/units/time.ts';
import type { RestAnswer, RestRequest, UpgradeRules } from '../http/listener.ts';

export const STREAM_PATH = '/stream';
const KINDS = ['trade', 'book_delta', 'book_snapshot', 'ticker', 'lifecycle'] as const;
/** Above so much unsent data the playing waits. */
const MOST_UNSENT = 1 << 20;
const LONGEST_SLEEP_MILLIS = 100;
/** Events sent without giving others a turn. */
const BURST = 200;

/** A request for a stream that says something it cannot. */
class StreamRequestError extends Error {
  override readonly name = 'StreamRequestError';
}

/** Microseconds since the epoch, or RFC 3339. @throws TimeError */
export function timeOf(text: string): Micros {
  if (!/^\d{1,16}$/.test(text)) return parseRfc3339(text);
  return Number(text) as Micros;
}

function chosen(
  query: URLSearchParams,
  name: string,
  known: readonly string[] | null,
): Set<string> | undefined {
  const values = query.getAll(name).flatMap((value) => value.split(','));
  if (values.length === 0) return undefined;
  const strange = values.find((value) => known?.includes(value) === false);
  if (strange !== undefined)
    throw new StreamRequestError(`${name} must be of ${known!.join(', ')}, got ${JSON.stringify(strange)}`);
  return new Set(values);
}

interface Asked {
  readonly filter: EventFilter;
  readonly speed: PlaybackSpeed;
}

/** @throws StreamRequestError, TimeError or PlaybackSpeedError naming what is wrong */
function asked(query: URLSearchParams): Asked {
  const [venues, instruments, kinds] = [
    chosen(query, 'venue', venueNames),
    chosen(query, 'instrument', null),
    chosen(query, 'kind', KINDS),
  ];
  const [from, to] = [query.get('from'), query.get('to')];
  return {
    filter: {
      ...(venues === undefined ? {} : { venues }),
      ...(instruments === undefined ? {} : { instruments }),
      ...(kinds === undefined ? {} : { kinds }),
      ...(from === null ? {} : { from: timeOf(from) }),
      ...(to === null ? {} : { to: timeOf(to) }),
    },
    speed: parseSpeed(query.get('speed') ?? 'max'),
  };
}

/**
 * Events over a plain WebSocket, one JSON object a message, to everybody at a pace of their own. A client may send
 * `{"cmd":"pause"}`, `resume`, `{"cmd":"seek","at":…}` and `{"cmd":"speed","speed":…}`; after the last event comes
 * `{"ended":true}`, and the stream waits for a seek until the client goes.
 */
class EventStream {
  readonly #files: readonly string[];
  readonly #clock: Clock;
  readonly #socket: WebSocket;
  readonly #filter: EventFilter;
  #speed: PlaybackSpeed;
  #pace: PlaybackPace;
  #seekTo: Micros | null = null;
  #isPaused = false;
  #isOver = false;
  #wake = Promise.withResolvers<void>();

  constructor(files: readonly string[], clock: Clock, socket: WebSocket, { filter, speed }: Asked) {
    this.#files = files;
    this.#clock = clock;
    this.#socket = socket;
    this.#filter = filter;
    this.#speed = speed;
    this.#pace = new PlaybackPace(speed, clock());
    socket.on('close', () => {
      this.#isOver = true;
      this.#wake.resolve();
    });
    socket.on('message', (data: Buffer) => this.#command(data.toString('utf8')));
  }

  async run(): Promise<void> {
    let filter = this.#filter;
    while (!this.#isOver) {
      const isWhole = await this.#play(filter);
      if (isWhole) {
        this.#socket.send('{"ended":true}');
        while (!this.#isOver && this.#seekTo === null) {
          this.#wake = Promise.withResolvers<void>();
          await this.#wake.promise;
        }
      }
      filter = { ...this.#filter, ...(this.#seekTo === null ? {} : { from: this.#seekTo }) };
      this.#seekTo = null;
      this.#newPace();
    }
  }

  get #isInterrupted(): boolean {
    return this.#isOver || this.#seekTo !== null;
  }

  #newPace(): void {
    this.#pace = new PlaybackPace(this.#speed, this.#clock());
  }

  /** @returns false when it broke off */
  async #play(filter: EventFilter): Promise<boolean> {
    let burst = 0;
    for await (const event of playEvents(this.#files, filter)) {
      await this.#until(event.received_at);
      if (++burst >= BURST) {
        burst = 0;
        await sleep(0);
      }
      while (!this.#isInterrupted && this.#socket.bufferedAmount > MOST_UNSENT) await sleep(1);
      if (this.#isInterrupted) return false;
      this.#socket.send(JSON.stringify(event));
    }
    return true;
  }

  async #until(at: Micros): Promise<void> {
    let pace = this.#pace;
    let wait = pace.due(at) - this.#clock();
    while ((wait > 0 || this.#isPaused) && !this.#isInterrupted) {
      const before = this.#clock();
      const isPaused = this.#isPaused;
      await sleep(
        isPaused ? LONGEST_SLEEP_MILLIS : Math.min(Math.ceil(wait / MICROS_PER_MILLI), LONGEST_SLEEP_MILLIS),
      );
      if (isPaused) pace.delay(this.#clock() - before);
      else wait -= this.#clock() - before;
      if (this.#pace === pace) continue;
      pace = this.#pace;
      wait = pace.due(at) - this.#clock();
    }
  }

  #command(text: string): void {
    try {
      const command = (JSON.parse(text) ?? {}) as { cmd?: unknown; at?: unknown; speed?: unknown };
      switch (command.cmd) {
        case 'pause':
          this.#isPaused = true;
          break;
        case 'resume':
          this.#isPaused = false;
          break;
        case 'seek':
          this.#seekTo = timeOf(String(command.at));
          this.#wake.resolve();
          break;
        case 'speed':
          this.#speed = parseSpeed(String(command.speed));
          this.#newPace();
          break;
        default:
          throw new StreamRequestError(
            `cmd must be pause, resume, seek or speed, got ${JSON.stringify(command.cmd)}`,
          );
      }
    } catch (error) {
      this.#socket.send(JSON.stringify({ error: (error as Error).message }));
    }
  }
}

/**
 * The rules by which the stream is opened.
 *
 * @param failed told of a recording that could not be read to its end
 * @param open sockets to which a stream is being given; kept up here
 */
export function eventStreams(
  files: readonly string[],
  clock: Clock,
  failed: (error: Error) => void,
  open: Set<WebSocket>,
): UpgradeRules {
  return {
    refuse(request: RestRequest): RestAnswer | null {
      if (request.path !== STREAM_PATH) return { status: 404, body: { error: `${request.path} is unknown` } };
      try {
        asked(request.query);
        return null;
      } catch (error) {
        const isAsked =
          error instanceof StreamRequestError ||
          error instanceof TimeError ||
          error instanceof PlaybackSpeedError;
        if (!isAsked) throw error;
        return { status: 400, body: { error: error.message } };
      }
    },
    accept(socket, request) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      new EventStream(files, clock, socket, asked(request.query)).run().catch((error: Error) => {
        failed(error);
        socket.close(1011, 'the recording cannot be read');
      });
    },
  };
}
