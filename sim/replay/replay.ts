import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { PlaybackPace, type PlaybackSpeed } from '#src/replay/pace.ts';
import { timedMessages } from '#src/replay/timed-messages.ts';
import { type Clock, MICROS_PER_MILLI, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import { FaultControl } from '../faults/fault-control.ts';
import { NO_FAULTS } from '../faults/specification.ts';
import { KalshiAuthentication } from '../kalshi/authentication.ts';
import { KALSHI_REST_LIMITS } from '../kalshi/rest.ts';
import { KALSHI_SOCKET_LIMITS } from '../kalshi/socket-rules.ts';
import { POLYMARKET_SOCKET_LIMITS } from '../polymarket/gateway.ts';
import { type ReadyLine, VenueListeners } from '../server/venue-listeners.ts';
import { eventStreams, STREAM_PATH } from './event-stream.ts';
import { type RecordingSurvey, surveyRecordings } from './recording-survey.ts';
import { type ControlledReplay, type OpenedSession, ReplayControl } from './replay-control.ts';
import { ReplayDelivery } from './replay-delivery.ts';
import { ReplayedKalshiListing, ReplayedPolymarketListing } from './replay-listings.ts';

export interface ReplayOptions {
  readonly paths: readonly string[];
  readonly speed: PlaybackSpeed;
  readonly clock: Clock;
  readonly host?: string;
  /** First of four ports, or 0 for any free ones. */
  readonly port?: number;
  readonly kalshiKey: { readonly id: string; readonly publicKey: KeyObject };
  /** Playing begins when every instrument is subscribed by so many connections; 0: at once. */
  readonly waitSubscriptions?: number;
  /** It begins anyway after so many microseconds. */
  readonly waitAtMost?: number;
  /** Pauses of the recording are cut to so many microseconds of playing time. */
  readonly longestPause?: number;
  /** Sessions that may be opened beside it. */
  readonly mostSessions?: number;
}

const WAIT_AT_MOST = 120 * MICROS_PER_SECOND;
const LOOK_EVERY_MILLIS = 100;
/** Messages sent without giving others a turn. */
const BURST = 200;
/** Above so much unsent data on any socket the playing waits. */
const MOST_UNSENT = 4 << 20;
const LONGEST_SLEEP_MILLIS = 500;
/** Sessions that may be opened beside one, unless told otherwise. */
const MOST_SESSIONS = 64;
const ACCOUNT_LIMITS = {
  refill: 1_000_000,
  capacity: 1_000_000,
  cost: 10,
  unsignedRefill: 1_000,
  unsignedBurst: 10_000,
};

export type ReplayState = 'waiting' | 'playing' | 'ended';

/** Recordings served over the venues' own protocols. */
export class Replay implements ControlledReplay {
  readonly survey: RecordingSurvey;
  readonly #options: ReplayOptions;
  readonly #delivery: ReplayDelivery;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #listeners: VenueListeners | null = null;
  #state: ReplayState = 'waiting';
  #played = 0;
  #delivered = 0;
  #isPaused = false;
  #isStopped = false;
  #speed: PlaybackSpeed;
  #pace: PlaybackPace;
  #seekTo: Micros | null = null;
  #told = Promise.withResolvers<void>();
  /** By the number that each was given. */
  readonly #sessions = new Map<number, Replay>();
  #opened = 0;
  /** Sockets that are given events. */
  readonly #streams = new Set<WebSocket>();

  private constructor(options: ReplayOptions, survey: RecordingSurvey) {
    this.#options = options;
    this.survey = survey;
    this.#speed = options.speed;
    this.#pace = this.#newPace();
    this.#delivery = new ReplayDelivery(survey, () => this.listeners);
  }

  /** @throws EmptyRecordingError or RecordingError, or the system's error when a port cannot be had */
  static async start(options: ReplayOptions): Promise<Replay> {
    const replay = new Replay(options, await surveyRecordings(options.paths));
    await replay.#listen();
    void replay.#run();
    return replay;
  }

  get ready(): ReadyLine {
    return this.#listeners!.ready;
  }

  get listeners(): VenueListeners {
    return this.#listeners!;
  }

  get state(): ReplayState {
    return this.#state;
  }

  /** Resolves when everything has been played and handed to the sockets; never when it is stopped before. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Begins to play at once. */
  begin(): void {
    this.#started.resolve();
  }

  pause(): void {
    this.#isPaused = true;
    this.#tell();
  }

  resume(): void {
    this.#isPaused = false;
    this.#tell();
  }

  /** Whoever waits looks again. */
  #tell(): void {
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }

  setSpeed(speed: PlaybackSpeed): void {
    this.#speed = speed;
    this.#pace = this.#newPace();
    this.#tell();
  }

  /** Everybody who has a book is given it anew as it was then, as after subscribing. */
  seek(at: Micros): void {
    this.#seekTo = at;
    this.begin();
    this.#tell();
  }

  async open(speed: PlaybackSpeed | null): Promise<OpenedSession | null> {
    if (this.#sessions.size >= (this.#options.mostSessions ?? MOST_SESSIONS)) {
      const idle = [...this.#sessions].find(([, session]) => session.#isIdle());
      if (idle === undefined) return null;
      await this.close(idle[0]);
    }
    const session = new Replay({ ...this.#options, port: 0, speed: speed ?? this.#speed }, this.survey);
    const number = ++this.#opened;
    this.#sessions.set(number, session);
    session.ended.catch(() => {});
    try {
      await session.#listen();
    } catch (error) {
      this.#sessions.delete(number);
      throw error;
    }
    void session.#run();
    return { ...session.ready, session: number };
  }

  async close(number: number): Promise<boolean> {
    const session = this.#sessions.get(number);
    if (session === undefined) return false;
    this.#sessions.delete(number);
    await session.stop();
    return true;
  }

  /** Whether it is over and nobody is connected to it. */
  #isIdle(): boolean {
    const { kalshi, polymarket } = this.listeners;
    const sockets = [...(kalshi?.connections ?? []), ...(polymarket?.connections ?? []), ...this.#streams];
    return this.#state === 'ended' && sockets.length === 0 && this.#sessions.size === 0;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.begin();
    this.#tell();
    await Promise.all([
      this.#listeners?.stop(),
      ...[...this.#sessions.values()].map((session) => session.stop()),
    ]);
  }

  async #listen(): Promise<void> {
    const { clock, kalshiKey, host = '127.0.0.1', port = 0 } = this.#options;
    const { survey } = this;
    const now = clock();
    this.#listeners = await VenueListeners.start({
      host,
      port,
      clock,
      seed: 1,
      faults: new FaultControl(NO_FAULTS, 1, clock),
      kalshi: !survey.venues.has('kalshi')
        ? null
        : {
            feed: this.#delivery.kalshi,
            data: new ReplayedKalshiListing(survey, this.#delivery.kalshi, now),
            authentication: new KalshiAuthentication(kalshiKey.id, kalshiKey.publicKey, clock),
            socketLimits: KALSHI_SOCKET_LIMITS,
            restLimits: { ...KALSHI_REST_LIMITS, ...ACCOUNT_LIMITS },
          },
      polymarket: !survey.venues.has('polymarket')
        ? null
        : {
            feed: this.#delivery.polymarket,
            data: new ReplayedPolymarketListing(survey, this.#delivery.polymarket, now),
            socketLimits: POLYMARKET_SOCKET_LIMITS,
          },
      control: new ReplayControl(this).handle,
      stream: {
        path: STREAM_PATH,
        rules: eventStreams(survey.files, clock, (error) => this.#ended.reject(error), this.#streams),
      },
    });
  }

  async #run(): Promise<void> {
    try {
      await Promise.race([this.#started.promise, this.#waitForSubscribers()]);
      while (!this.#isStopped) {
        const seekTo = this.#seekTo;
        this.#seekTo = null;
        const isWhole = await this.#play(seekTo);
        if (this.#isStopped) return;
        if (!isWhole) continue;
        this.#state = 'ended';
        this.#ended.resolve();
        while (this.#seekTo === null && !this.#isStopped) await this.#told.promise;
      }
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  /** Instruments that fewer connections have subscribed than are waited for. */
  unsubscribed(): string[] {
    const wanted = this.#options.waitSubscriptions ?? 0;
    const { kalshi, polymarket } = this.listeners;
    const missing = [...this.survey.tickers].filter((ticker) => kalshi!.bookSubscribers(ticker) < wanted);
    missing.push(
      ...[...this.survey.tokens.keys()].filter((token) => polymarket!.subscribers(token).size < wanted),
    );
    for (const channel of ['trade', 'ticker', 'market_lifecycle_v2']) {
      if (this.survey.types.has(`kalshi ${channel}`) && kalshi!.index(channel).all.size < wanted)
        missing.push(`channel ${channel}`);
    }
    return missing;
  }

  async #waitForSubscribers(): Promise<void> {
    const { clock, waitSubscriptions = 0, waitAtMost = WAIT_AT_MOST } = this.#options;
    if (waitSubscriptions === 0) return;
    const until = clock() + waitAtMost;
    while (!this.#isStopped && clock() < until && this.unsubscribed().length > 0)
      await sleep(LOOK_EVERY_MILLIS);
    // The initial books are on their way; the first changes come after them on every connection.
    await sleep(LOOK_EVERY_MILLIS);
  }

  /** @returns false when it broke off: another time was asked for, or it was stopped */
  async #play(seekTo: Micros | null): Promise<boolean> {
    this.#state = 'playing';
    let isSeeking = seekTo !== null;
    if (isSeeking) {
      this.#played = 0;
      this.#delivery.clear();
    }
    let burst = 0;
    for await (const timed of timedMessages(this.survey.files)) {
      if (isSeeking) {
        if (timed.at < seekTo!) {
          if (this.#seekTo !== null || this.#isStopped) return false;
          this.#played++;
          this.#delivery.skip(timed);
          continue;
        }
        isSeeking = false;
        this.#delivery.giveBooks();
      }
      if (burst === 0) this.#pace = this.#newPace();
      await this.#until(timed.at);
      if (this.#isStopped || this.#seekTo !== null) return false;
      if (++burst >= BURST) {
        burst = 1;
        await this.#breathe();
      }
      this.#played++;
      this.#delivered += this.#delivery.send(timed);
    }
    if (isSeeking) this.#delivery.giveBooks();
    await this.#breathe(0);
    return true;
  }

  #newPace(): PlaybackPace {
    const { clock, longestPause } = this.#options;
    return new PlaybackPace(this.#speed, clock(), longestPause);
  }

  /** Waits for a frame's time; a pause moves all that is to come. */
  async #until(at: Micros): Promise<void> {
    const { clock } = this.#options;
    let pace = this.#pace;
    let wait = pace.due(at) - clock();
    while ((wait > 0 || this.#isPaused) && !this.#isStopped && this.#seekTo === null) {
      const before = clock();
      const isPaused = this.#isPaused;
      const millis = isPaused ? LONGEST_SLEEP_MILLIS : Math.ceil(wait / MICROS_PER_MILLI);
      await Promise.race([sleep(Math.min(millis, LONGEST_SLEEP_MILLIS)), this.#told.promise]);
      const passed = clock() - before;
      if (isPaused) pace.delay(passed);
      else wait -= passed;
      if (this.#pace === pace) continue;
      pace = this.#pace;
      wait = pace.due(at) - clock();
    }
  }

  /** Lets the sockets write, and waits while one of them is far behind. */
  async #breathe(mostUnsent = MOST_UNSENT): Promise<void> {
    await yieldToOthers();
    const { kalshi, polymarket } = this.listeners;
    const sockets = () => [...(kalshi?.connections ?? []), ...(polymarket?.connections ?? [])];
    while (!this.#isStopped && sockets().some(({ socket }) => socket.unsent > mostUnsent)) await sleep(5);
  }

  status(): {
    readonly state: ReplayState;
    readonly played: number;
    readonly messages: number;
    readonly skipped: number;
    readonly delivered: number;
    readonly instruments: number;
    readonly unsubscribed: number;
  } {
    const { messages, skipped, tickers, tokens } = this.survey;
    return {
      state: this.#state,
      played: this.#played,
      messages,
      skipped,
      delivered: this.#delivered,
      instruments: tickers.size + tokens.size,
      unsubscribed: this.unsubscribed().length,
    };
  }
}
