import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RawRecorder } from '#src/archive/raw-recorder.ts';
import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';
import { createKeeper, type KeeperCounters } from '#src/capture/keeper.ts';
import { createVenueLine, type VenueLine } from '#src/capture/venue-line.ts';
import { CatalogueFeed } from '#src/catalogue/catalogue-feed.ts';
import { CatalogueUpkeep } from '#src/catalogue/catalogue-upkeep.ts';
import { OpenMarkets } from '#src/catalogue/open-markets.ts';
import type { Configuration } from '#src/config/schema.ts';
import { webSocketFactory } from '#src/connections/websocket.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { systemSleep } from '#src/http/sleep.ts';
import type { CatalogueMarket, RegistryListener } from '#src/registry/catalogue.ts';
import { registrySettings } from '#src/registry/registry-settings.ts';
import { VenueRegistry } from '#src/registry/venue-registry.ts';
import { Batcher } from '#src/stream/batcher.ts';
import type { BatcherProblem } from '#src/stream/batcher-options.ts';
import { KinesisRecordStream, kinesisClient } from '#src/stream/kinesis-record-stream.ts';
import { laneNames } from '#src/stream/lanes.ts';
import { systemAfter } from '#src/stream/timer.ts';
import {
  registerBatcher,
  registerBookHashes,
  registerKeepers,
  registerRecorders,
} from '#src/telemetry/figures.ts';
import type { Logger } from '#src/telemetry/logger.ts';
import { LineMetrics } from '#src/telemetry/metrics.ts';
import { type Clock, MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import type { BookProofs } from '#src/venues/book-proofs.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import type { VenueKey } from '#src/venues/venue.ts';
import type { GathererEnvironment } from './contract.ts';
import { readInput } from './read-input.ts';
import { RecentRates } from './recent-rates.ts';

const HEARTBEAT_MILLIS = 1_000;
const CATALOGUE_MILLIS = 2_000;
const RATE_MILLIS = 1_000;
const SOCKETS_CLOSE_MILLIS = 2_000;

export interface CapturedVenue {
  readonly venue: Venue;
  readonly line: VenueLine;
  readonly counters: KeeperCounters;
  readonly recorder: RawRecorder;
  readonly catalogue: CatalogueUpkeep;
  readonly proofs: BookProofs | null;
}

export interface GathererParts {
  readonly configuration: Configuration;
  readonly environment: GathererEnvironment;
  /** Keys of the venues that have one. */
  readonly keys: ReadonlyMap<Venue, VenueKey | null>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a stop left behind on this disk; the next life sends and uploads it. */
export interface StopReport {
  readonly unsent_lines: number;
  readonly raw_segments: number;
}

/** One capture line: every venue from its sockets to the stream and the raw archive. */
export class Gatherer {
  readonly epoch: string;
  readonly startedAt: Micros;
  /** Why something could not be read, refused or kept, counted by a stable word. */
  readonly problems = new Map<string, number>();
  readonly metrics = new LineMetrics();
  readonly rates = new RecentRates();
  /** Why a venue's markets could not be listed the last time, until they are. */
  readonly listingFailures = new Map<Venue, string>();
  readonly #parts: GathererParts;
  readonly #venues: CapturedVenue[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #laneNames: readonly string[];
  #batcher: Batcher | null = null;
  #listed = false;
  #stopping = false;
  #gapsOpened = 0;

  constructor(parts: GathererParts) {
    this.#parts = parts;
    this.#laneNames = laneNames(parts.configuration.stream.lanes);
    this.startedAt = parts.clock();
    this.epoch = `${Math.floor(this.startedAt / 1_000)}-${randomBytes(3).toString('hex')}`;
  }

  get venues(): readonly CapturedVenue[] {
    return this.#venues;
  }

  get batcher(): Batcher | null {
    return this.#batcher;
  }

  /** Gap records opened in this life. */
  get gapsOpened(): number {
    return this.#gapsOpened;
  }

  /** Whether every venue's first listing is complete. */
  get listed(): boolean {
    return this.#listed;
  }

  /**
   * Opens queue and archive and prepares every venue; nothing is captured yet.
   *
   * @throws when a key, a folder or an address is not usable: a fault of the deployment.
   */
  async open(): Promise<void> {
    const { configuration, environment, clock } = this.#parts;
    const { stream } = configuration;
    const connection = (endpoint: string | undefined) => ({
      region: environment.AWS_REGION,
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    this.#batcher = await Batcher.open({
      stream: new KinesisRecordStream(
        kinesisClient(connection(environment.AWS_ENDPOINT_URL_KINESIS)),
        environment.STREAM_NAME,
      ),
      directory: join(environment.DATA_DIRECTORY, 'spill'),
      epoch: this.epoch,
      clock,
      after: systemAfter,
      random: Math.random,
      lanes: stream.lanes,
      maxLinesPerRecord: stream.max_events_per_record,
      lingerMillis: stream.linger_milliseconds,
      maxInFlight: stream.max_in_flight,
      memoryLimitBytes: stream.memory_limit_mebibytes * 2 ** 20,
      onProblem: (problem) => this.#streamProblem(problem),
      onAcknowledged: (lines, oldestReceivedAt, at) => this.metrics.streamed(at - oldestReceivedAt, lines),
    });
    const store = new S3ObjectStore(
      s3Client(connection(environment.AWS_ENDPOINT_URL_S3)),
      environment.RAW_BUCKET,
    );
    const table = {
      client: new DynamoDBClient(connection(environment.AWS_ENDPOINT_URL_DYNAMODB)),
      name: environment.CATALOGUE_TABLE,
      sleep: systemSleep,
      random: Math.random,
    };
    const openMarkets = new OpenMarkets(table);
    for (const venue of venueNames) {
      if (configuration.venues[venue].enabled)
        this.#venues.push(await this.#captured(venue, store, openMarkets));
    }
    registerBatcher(this.metrics.registry, () => this.#batcher!.figures());
    registerRecorders(
      this.metrics.registry,
      Object.fromEntries(this.#venues.map(({ venue, recorder }) => [venue, () => recorder.figures()])),
    );
    registerKeepers(
      this.metrics.registry,
      Object.fromEntries(this.#venues.map(({ venue, counters }) => [venue, () => counters])),
    );
    registerBookHashes(
      this.metrics.registry,
      Object.fromEntries(
        this.#venues.flatMap(({ venue, proofs }) =>
          proofs === null ? [] : [[venue, () => proofs.figures()]],
        ),
      ),
    );
  }

  /** Captures. Resolves when the first listing of every venue is complete. */
  async start(): Promise<void> {
    this.#heartbeat(this.startedAt);
    this.#every(HEARTBEAT_MILLIS, () => void this.#vouch());
    this.#every(CATALOGUE_MILLIS, () => {
      for (const { catalogue } of this.#venues) void catalogue.tick(this.#parts.clock());
    });
    this.#every(RATE_MILLIS, () => this.#sampleRates());
    await Promise.all(this.#venues.map(({ line }) => line.start()));
    this.#listed = !this.#stopping;
  }

  /** Ends the capture, hands over what was captured within the limit, and says what is left. */
  async stop(limitMillis: number): Promise<StopReport> {
    const ends = Date.now() + limitMillis;
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    const batcher = this.#batcher;
    if (batcher === null) return { unsent_lines: 0, raw_segments: 0 };
    const capturedUntil = await this.#capturedUntil();
    // As long as it is known how far each subscription lags.
    const proven = this.#provenUntil(capturedUntil);
    await Promise.all(this.#venues.map(({ line }) => line.stop(SOCKETS_CLOSE_MILLIS)));
    this.#heartbeat(capturedUntil, proven);
    const left = await batcher.drain(Math.max(100, ends - Date.now()));
    const raw = await Promise.all(
      this.#venues.map(({ recorder }) => recorder.close(Math.max(500, ends - Date.now()))),
    );
    await batcher.close();
    return { unsent_lines: left.lines, raw_segments: raw.reduce((sum, { segments }) => sum + segments, 0) };
  }

  async #captured(venue: Venue, store: S3ObjectStore, openMarkets: OpenMarkets): Promise<CapturedVenue> {
    const { configuration, environment, clock, log } = this.#parts;
    const { capture, recorder: recording } = configuration;
    const definition = venueDefinition(venue);
    const access = definition.access(configuration, this.#parts.keys.get(venue) ?? null, {
      clock,
      sleep: systemSleep,
      random: Math.random,
      observe: ({ outcome, route, status }) => {
        this.metrics.httpRequest(venue, outcome);
        if (outcome !== 'ok') this.#problem(`rest_${outcome}`, { venue, route, status });
      },
      problem: (problem) => this.#problem('rest_answer', { venue, ...problem }),
    });
    const recorder = await RawRecorder.open({
      venue,
      gatherer: environment.GATHERER,
      epoch: this.epoch,
      directory: join(environment.DATA_DIRECTORY, 'raw'),
      store,
      clock,
      after: systemAfter,
      random: Math.random,
      flushMillis: recording.flush_interval_seconds * 1_000,
      segmentMillis: recording.segment_seconds * 1_000,
      segmentBytes: recording.segment_mebibytes * 2 ** 20,
      onProblem: (problem) => this.#problem(`raw_${problem.kind}`, { venue, ...problem }),
    });
    const keeper = createKeeper({
      venue,
      gatherer: environment.GATHERER,
      epoch: this.epoch,
      clock,
      decoder: access.decoder,
      ...(access.proofs === undefined ? {} : { proofs: access.proofs }),
      sink: {
        accept: (lane, line, received_at) => {
          if (line.kind === 'gap' && line.to === null) this.#gapsOpened++;
          this.#batcher!.accept(lane, line, received_at);
        },
        take: (event, origin) => this.#batcher!.take(event, origin),
      },
      snapshotInterval: capture.snapshot_interval_seconds * MICROS_PER_SECOND,
      snapshotDepth: capture.snapshot_depth,
      anchorInterval: capture.anchor_interval_seconds * MICROS_PER_SECOND,
    });
    const catalogue = new CatalogueFeed(openMarkets, venue);
    const upkeep = new CatalogueUpkeep(
      catalogue,
      {
        isOpen: (market) => registry?.isOpen(market) === true,
        inquire: (market) => registry?.inquire(market),
        isAwaited: (market) => registry?.isAwaited(market) === true,
      },
      ({ message }) => this.#problem('catalogue_failed', { venue, message }),
    );
    let registry: VenueRegistry | null = null;
    const own: RegistryListener = {
      opened: () => {},
      closed: (instruments) => access.proofs?.forget(instruments),
      changed: (market) => {
        this.#acceptMarket(market);
        catalogue.changed(market);
      },
      progress: ({ pages, markets, done }) => {
        if (done) {
          this.listingFailures.delete(venue);
          upkeep.listed();
        }
        log.info('listing markets', { venue, pages, markets, done });
      },
    };
    const line = createVenueLine({
      venue,
      settings: definition.lineSettings(configuration),
      registry: (listener) => {
        registry = new VenueRegistry({
          catalogue: access.catalogue,
          settings: registrySettings(configuration.venues[venue], configuration.venues[venue].filter),
          clock,
          sleep: systemSleep,
          random: Math.random,
          listeners: [listener, own],
          notice: ({ kind, message }) => {
            if (kind === 'listing_failed') this.listingFailures.set(venue, message);
            this.#problem(`registry_${kind}`, { venue, message });
          },
        });
        return registry;
      },
      keeper,
      recorder,
      clock,
      random: Math.random,
      socketFactory: webSocketFactory(),
      fetchBooks: async (instruments) => (await access.fetchBooks(instruments)).books,
      ...(access.signer === undefined ? {} : { signer: access.signer }),
      events: ({ kind, level, message, connection }) => {
        if (level === 'info') this.metrics.problem(venue, kind);
        else this.#count(venue, kind);
        log[level](kind, { venue, connection, reason: message });
      },
    });
    return {
      venue,
      line,
      counters: keeper.counters,
      recorder,
      catalogue: upkeep,
      proofs: access.proofs ?? null,
    };
  }

  #acceptMarket(market: CatalogueMarket): void {
    const { clock, environment } = this.#parts;
    const updated_at = clock();
    const { venue, event, series, title, status, open_ts, close_ts, instruments, details } = market;
    this.#batcher!.accept(
      market.market,
      {
        kind: 'market',
        venue,
        gatherer: environment.GATHERER,
        market: market.market,
        event,
        series,
        title,
        status,
        open_ts,
        close_ts,
        instruments,
        updated_at,
        details,
      },
      updated_at,
    );
  }

  /** Receive time up to which all that had arrived has been read; no earlier than the begin of this life. */
  async #capturedUntil(): Promise<Micros> {
    return Math.max(await readInput(this.#parts.clock), this.startedAt) as Micros;
  }

  async #vouch(): Promise<void> {
    const capturedUntil = await this.#capturedUntil();
    // The last one is told by who stops.
    if (!this.#stopping) this.#heartbeat(capturedUntil);
  }

  /**
   * One through every lane. A lane keeps its order, over a kill as well, and shows where a record of it is missing: the
   * heartbeat comes behind all that the lane carries of what was captured by then.
   */
  #heartbeat(capturedUntil: Micros, proven_until = this.#provenUntil(capturedUntil)): void {
    const { environment, clock } = this.#parts;
    const names = this.#laneNames;
    for (let lane = 0; lane < names.length; lane++) {
      this.#batcher!.accept(
        names[lane]!,
        {
          kind: 'heartbeat',
          gatherer: environment.GATHERER,
          epoch: this.epoch,
          lane,
          lanes: names.length,
          started_at: this.startedAt,
          durable_until: capturedUntil,
          proven_until,
        },
        clock(),
      );
    }
  }

  /** By venue, a receive time as the venue's time before which everything had arrived by then. */
  #provenUntil(received_at: Micros): Partial<Record<Venue, Micros>> {
    const proven: Partial<Record<Venue, Micros>> = {};
    for (const { venue, line } of this.#venues) {
      const time = line.venueTime(received_at);
      if (time !== null) proven[venue] = time;
    }
    return proven;
  }

  #sampleRates(): void {
    let frames = 0;
    let events = 0;
    for (const { counters } of this.#venues) {
      frames += counters.frames;
      events += counters.events;
    }
    this.rates.sample(this.#parts.clock(), { frames, events });
  }

  #every(millis: number, action: () => void): void {
    const timer = setInterval(action, millis);
    timer.unref();
    this.#timers.push(timer);
  }

  #streamProblem(problem: BatcherProblem): void {
    this.#problem(`stream_${problem.kind}`, { ...problem });
  }

  #problem(kind: string, details: Record<string, unknown>): void {
    const venue = typeof details['venue'] === 'string' ? details['venue'] : '';
    const count = this.#count(venue, kind);
    this.#parts.log.warn(kind, { ...details, count });
  }

  #count(venue: string, kind: string): number {
    const count = (this.problems.get(kind) ?? 0) + 1;
    this.problems.set(kind, count);
    this.metrics.problem(venue, kind);
    return count;
  }
}
