import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Child } from '../local/processes/child.ts';
import type { Flowed } from './crowd/pump.ts';
import type { ProbeReading } from './probe.ts';

/** Connections of one gatherer, as the mission has them: three feeds and books on the others. */
export const CONNECTIONS = 150;
const FEEDS = { ticker: 1, trade: 1, lifecycle: 1 };
const module = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const STOP_MILLIS = 60_000;
const RETRY_MILLIS = 500;

export interface RigOptions {
  readonly directory: string;
  readonly instruments: number;
  /** Instruments in which messages happen. */
  readonly busy?: number;
  /** Keeps what comes through the stream in this file. */
  readonly streamFile?: string;
  /** Further options of Node for the gatherer, such as those of a profiler. */
  readonly nodeOptions?: string;
}

/** What `/status` of a gatherer says, as far as a scale run reads it. */
export interface GathererStatus {
  readonly listed: boolean;
  readonly frames: number;
  readonly events: number;
  readonly gaps_opened: number;
  readonly gaps_open: number;
  readonly venues: {
    readonly kalshi: {
      readonly connected: number;
      readonly expected: number;
      readonly bound: number;
      readonly proven: number;
      readonly notices: Readonly<Record<string, number>>;
      readonly counters: Readonly<Record<string, number>>;
      readonly recorder: Readonly<Record<string, number>>;
    };
  };
  readonly problems: Readonly<Record<string, number>>;
  readonly stream: {
    readonly backlog: number;
    readonly spilled_bytes: number;
    readonly spilled_records?: number;
    readonly acknowledged_lines?: number;
  };
}

/** What the services counted. */
export interface ServiceTotals {
  readonly records: number;
  readonly bytes: number;
  readonly items: number;
  readonly object_bytes: number;
  readonly delay_ms: { readonly p50: number; readonly p99: number };
}

function configuration(venue: { readonly rest: string; readonly ws: string }): string {
  return stringify({
    environment: 'local',
    venues: {
      kalshi: {
        rest_url: venue.rest,
        websocket_url: venue.ws,
        connections: {
          book: CONNECTIONS - Object.values(FEEDS).reduce((sum, count) => sum + count),
          ...FEEDS,
        },
        registry: { full_interval_seconds: 3_600, incremental_interval_seconds: 3_600 },
      },
      polymarket: {
        enabled: false,
        clob_url: 'http://127.0.0.1:9',
        gamma_url: 'http://127.0.0.1:9',
        websocket_url: 'ws://127.0.0.1:9',
      },
    },
  });
}

/** One real gatherer between an exchange and services that take no time of their own, each a process. */
export class Rig {
  /** The latest word of the gatherer's probe, and the greatest memory that it told of. */
  reading: ProbeReading | null = null;
  readonly #options: RigOptions;
  readonly #children: Child[] = [];
  #exchange: Child | null = null;
  #services: Child | null = null;
  #gatherer: Child | null = null;
  #health = '';
  #flowed: ((flowed: Flowed) => void) | null = null;
  #totals: ((totals: ServiceTotals) => void) | null = null;

  constructor(options: RigOptions) {
    this.#options = options;
  }

  /** Starts exchange and services, and the gatherer last. @returns when the gatherer was started, `performance.now()` */
  async start(): Promise<number> {
    const { directory, instruments, busy, streamFile } = this.#options;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    this.#services = this.#child('services', ['--file', streamFile], (message) =>
      this.#totals?.(message as ServiceTotals),
    );
    const services = (await this.#services.start()) as { readonly url?: unknown };
    this.#exchange = this.#child(
      'exchange',
      ['--instruments', String(instruments), '--busy', busy === undefined ? undefined : String(busy)],
      (message) => this.#flowed?.((message as { readonly flowed: Flowed }).flowed),
    );
    const exchange = (await this.#exchange.start()) as unknown as {
      readonly kalshi: { readonly rest: string; readonly ws: string };
      readonly key: { readonly id: string; readonly private_key_file: string };
    };
    const configurationFile = join(directory, 'configuration.yaml');
    writeFileSync(configurationFile, configuration(exchange.kalshi));
    const url = String(services.url);
    const begun = performance.now();
    this.#gatherer = this.#process(
      'gatherer',
      '../containers/gatherer/main.ts',
      [],
      (message) => this.#probed(message),
      {
        NODE_OPTIONS: `--import ${new URL('./probe.ts', import.meta.url).href} ${this.#options.nodeOptions ?? ''}`,
        GATHERER: 'a',
        CONFIG_FILE: configurationFile,
        STREAM_NAME: 'scale',
        RAW_BUCKET: 'scale',
        CATALOGUE_TABLE: 'scale',
        DATA_DIRECTORY: join(directory, 'gatherer'),
        HEALTH_PORT: '0',
        AWS_ACCESS_KEY_ID: 'scale',
        AWS_SECRET_ACCESS_KEY: 'scale',
        AWS_ENDPOINT_URL_KINESIS: url,
        AWS_ENDPOINT_URL_S3: url,
        AWS_ENDPOINT_URL_DYNAMODB: url,
        KALSHI_KEY_ID: exchange.key.id,
        KALSHI_PRIVATE_KEY_FILE: exchange.key.private_key_file,
      },
    );
    const gatherer = (await this.#gatherer.start()) as { readonly health?: unknown };
    this.#health = String(gatherer.health);
    return begun;
  }

  /** @throws TypeError when the gatherer does not answer, and goes on not to. */
  async status(attempts = 5): Promise<GathererStatus> {
    try {
      // A kept connection may be given up by the other side just when it is used again.
      const answer = await fetch(`${this.#health}/status`, { headers: { connection: 'close' } });
      return (await answer.json()) as GathererStatus;
    } catch (error) {
      if (attempts <= 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS));
      return await this.status(attempts - 1);
    }
  }

  /** Bytes. The system's own high-water mark where it has one. */
  get peakMemory(): number {
    return this.#gatherer!.peakRssMebibytes * 2 ** 20;
  }

  /** CPU seconds of the exchange and of the services so far, where the system tells. */
  get cpuBeside(): { readonly exchange: number; readonly services: number } {
    return { exchange: cpuSeconds(this.#exchange!), services: cpuSeconds(this.#services!) };
  }

  /** Has the exchange make messages at this rate for so long. */
  flow(rate: number, seconds: number): Promise<Flowed> {
    return new Promise((resolve) => {
      this.#flowed = resolve;
      this.#exchange!.send({ rate, seconds });
    });
  }

  totals(ask: 'totals' | 'forget delays' = 'totals'): Promise<ServiceTotals> {
    return new Promise((resolve) => {
      this.#totals = resolve;
      this.#services!.send({ ask });
    });
  }

  /** Delays of the event loop and of the way to the stream count from now on. */
  async forgetDelays(): Promise<void> {
    this.#gatherer!.send({ forgetDelays: true });
    await this.totals('forget delays');
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop(STOP_MILLIS);
  }

  #probed(message: unknown): void {
    if (message !== null && typeof message === 'object' && 'rss' in message)
      this.reading = message as ProbeReading;
  }

  #child(
    name: string,
    parameters: readonly (string | undefined)[],
    onMessage: (message: unknown) => void,
  ): Child {
    const given: string[] = [];
    for (let at = 0; at < parameters.length; at += 2) {
      const value = parameters[at + 1];
      if (value !== undefined) given.push(parameters[at]!, value);
    }
    return this.#process(name, `./${name}-main.ts`, given, onMessage, {});
  }

  #process(
    name: string,
    path: string,
    parameters: readonly string[],
    onMessage: (message: unknown) => void,
    environment: Readonly<Record<string, string>>,
  ): Child {
    const child = new Child(
      {
        name,
        module: module(path),
        arguments: parameters,
        // Whether a native module speeds up sockets depends on what else is installed; production has none.
        environment: {
          ...(process.env as Record<string, string>),
          WS_NO_BUFFER_UTIL: '1',
          WS_NO_UTF_8_VALIDATE: '1',
          ...environment,
        },
        logFile: join(this.#options.directory, `${name}.log`),
        restart: false,
      },
      { onMessage },
    );
    this.#children.push(child);
    return child;
  }
}

/** Ticks of the system's clock in a second, as Linux has them on every machine of today. */
const TICKS = 100;

function cpuSeconds({ pid }: Child): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return Number.NaN;
  }
}
