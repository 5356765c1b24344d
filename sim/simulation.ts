import type { KeyObject } from 'node:crypto';
import type { TruthRecord } from '#src/truth/truth-record.ts';
import { type Clock, MICROS_PER_MILLI, MICROS_PER_SECOND } from '#src/units/time.ts';
import { FaultControl } from './faults/fault-control.ts';
import { type FaultSettings, NO_FAULTS } from './faults/specification.ts';
import { KalshiAuthentication } from './kalshi/authentication.ts';
import { KalshiExchange } from './kalshi/exchange.ts';
import { KALSHI_REST_LIMITS, type KalshiRestLimits } from './kalshi/rest.ts';
import { SimulatedRestData } from './kalshi/rest-data.ts';
import { KALSHI_SOCKET_LIMITS, type KalshiSocketLimits } from './kalshi/socket-rules.ts';
import { Random } from './market/random.ts';
import { PolymarketExchange } from './polymarket/exchange.ts';
import { POLYMARKET_SOCKET_LIMITS, type PolymarketSocketLimits } from './polymarket/gateway.ts';
import { SimulatedPolymarketData } from './polymarket/rest-data.ts';
import { SimulationControl } from './server/simulation-control.ts';
import { type ReadyLine, VenueListeners } from './server/venue-listeners.ts';
import type { SimulationSettings } from './settings.ts';
import { Timeline } from './timeline.ts';
import { TruthFile, TruthLog } from './truth-log.ts';

export interface SimulationOptions {
  readonly settings: SimulationSettings;
  readonly clock: Clock;
  readonly host?: string;
  /** First of four ports, or 0 for any free ones. */
  readonly port?: number;
  /** The key that clients of Kalshi sign with: id and public half. */
  readonly kalshiKey: { readonly id: string; readonly publicKey: KeyObject };
  readonly faults?: FaultSettings;
  /** File of the truth log; without one it is kept in memory. */
  readonly truthFile?: string;
  readonly kalshiSocketLimits?: Partial<KalshiSocketLimits>;
  readonly kalshiRestLimits?: Partial<KalshiRestLimits>;
  readonly polymarketSocketLimits?: Partial<PolymarketSocketLimits>;
  /** Runs by itself with the clock; otherwise whoever owns it calls `step`. Default true. */
  readonly isLive?: boolean;
}

const STEP_MILLIS = 5;
const FLUSH_MILLIS = 200;

/** The simulated exchange: both venues, their servers, faults and the truth log. */
export class Simulation {
  readonly kalshi: KalshiExchange;
  readonly polymarket: PolymarketExchange;
  readonly timeline: Timeline;
  readonly truth: TruthLog;
  readonly truthFile: TruthFile | null;
  /** What the truth log holds when it has no file. */
  readonly records: TruthRecord[] = [];
  readonly faults: FaultControl;
  readonly #clock: Clock;
  readonly #restarts: Random;
  readonly #timers: NodeJS.Timeout[] = [];
  #listeners: VenueListeners | null = null;
  #nextRestart: { at: number; rate: number } | null = null;
  #isPausedByUser = false;

  private constructor(options: SimulationOptions) {
    const { settings, clock } = options;
    this.#clock = clock;
    this.timeline = new Timeline(clock);
    this.truthFile = options.truthFile === undefined ? null : new TruthFile(options.truthFile);
    const write =
      this.truthFile === null
        ? (record: TruthRecord) => void this.records.push(record)
        : (record: TruthRecord) => this.truthFile!.write(record);
    this.truth = new TruthLog(settings.seed, this.timeline.start, write);
    this.faults = new FaultControl(options.faults ?? NO_FAULTS, settings.seed, clock);
    this.timeline.skew = this.faults.settings.skew_ms * MICROS_PER_MILLI;
    this.#restarts = new Random(settings.seed, 'restarts');
    this.kalshi = new KalshiExchange(settings, this.timeline, this.truth);
    this.polymarket = new PolymarketExchange(settings, this.timeline, this.truth);
  }

  /** @throws the system's error when a port or the truth file cannot be had */
  static async start(options: SimulationOptions): Promise<Simulation> {
    const simulation = new Simulation(options);
    try {
      await simulation.#listen(options);
    } catch (error) {
      simulation.truthFile?.close();
      throw error;
    }
    return simulation;
  }

  async #listen(options: SimulationOptions): Promise<void> {
    const { settings, clock, kalshiKey } = options;
    const control = new SimulationControl(this);
    const listeners = await VenueListeners.start({
      host: options.host ?? '127.0.0.1',
      port: options.port ?? 0,
      clock,
      seed: settings.seed,
      faults: this.faults,
      kalshi: {
        feed: this.kalshi,
        data: new SimulatedRestData(this.kalshi),
        authentication: new KalshiAuthentication(kalshiKey.id, kalshiKey.publicKey, clock),
        socketLimits: { ...KALSHI_SOCKET_LIMITS, ...options.kalshiSocketLimits },
        restLimits: { ...KALSHI_REST_LIMITS, ...options.kalshiRestLimits },
      },
      polymarket: {
        feed: this.polymarket,
        data: new SimulatedPolymarketData(this.polymarket),
        socketLimits: { ...POLYMARKET_SOCKET_LIMITS, ...options.polymarketSocketLimits },
      },
      control: control.handle,
    });
    this.#listeners = listeners;
    this.kalshi.start(listeners.kalshi!);
    this.polymarket.start(listeners.polymarket!);
    if (options.isLive === false) return;
    this.#timers.push(setInterval(() => this.step(), STEP_MILLIS));
    if (this.truthFile !== null) this.#timers.push(setInterval(() => this.truthFile!.flush(), FLUSH_MILLIS));
  }

  get ready(): ReadyLine {
    return this.#listeners!.ready;
  }

  get listeners(): VenueListeners {
    return this.#listeners!;
  }

  /** Makes everything happen that is due by the clock. */
  step(): void {
    this.#restartWhenDue();
    if (this.#listeners!.isDown) return;
    if (this.timeline.isPaused && !this.#isPausedByUser) this.timeline.resume();
    this.timeline.run();
  }

  /** No new events from here on; sockets and REST stay as they are. */
  pause(): void {
    this.#isPausedByUser = true;
    this.timeline.pause();
    this.polymarket.printTrades();
    this.truthFile?.flush();
  }

  resume(): void {
    this.#isPausedByUser = false;
    this.timeline.resume();
  }

  /** The whole exchange goes away for `restart_seconds`; nothing happens in its markets meanwhile. */
  restart(): void {
    this.timeline.pause();
    this.polymarket.printTrades();
    this.#listeners!.restart();
  }

  setFaults(settings: FaultSettings): void {
    this.faults.settings = settings;
    this.timeline.skew = settings.skew_ms * MICROS_PER_MILLI;
  }

  flush(): void {
    this.truthFile?.flush();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.pause();
    await this.#listeners?.stop();
    this.truthFile?.close();
  }

  #restartWhenDue(): void {
    const rate = this.faults.settings.restart;
    if (rate <= 0 || this.#listeners!.isDown) return;
    const now = this.#clock();
    if (this.#nextRestart !== null && this.#nextRestart.rate === rate) {
      if (now < this.#nextRestart.at) return;
      this.restart();
    }
    this.#nextRestart = { at: now + this.#restarts.exponential(rate / 60) * MICROS_PER_SECOND, rate };
  }
}
