import { type Assumptions, lineTraffic, type Packing, shardsFor } from '#src/cost/load.ts';
import { limits, measured } from './measured.ts';

const DAY_SECONDS = 86_400;
const LINES = 3;
/** Of the rows of a line's database, hot ones are as they came; older ones are compressed where the server can. */
export const HOT_DAYS = 2;
const GB = 2 ** 30;

/** A load, and how it comes in. */
export interface Scenario {
  readonly name: string;
  readonly instruments: number;
  /** Messages a second on average. */
  readonly rate: number;
  /** Highest minute over average. */
  readonly peak: number;
  /** Instruments of Kalshi among them; the others are tokens of Polymarket. */
  readonly kalshiShare: number;
}

/** What a scenario needs, of one line where nothing else is said. */
export interface Needs {
  readonly gathererProcesses: number;
  readonly gathererMemoryBytes: number;
  readonly kalshiConnections: number;
  readonly polymarketConnections: number;
  readonly kalshiUsers: number;
  readonly listingSeconds: number;
  readonly linesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly shards: number;
  readonly writerConcurrency: number;
  readonly rowsPerDay: number;
  readonly databaseRowsShare: number;
  readonly diskBytes: number;
  readonly diskBytesUncompressed: number;
  /** Of one merge's time. */
  readonly mergeShare: number;
  readonly tapeRowsPerDay: number;
  readonly tapeBytes: number;
  readonly pollSeconds: number;
}

/** Days that rows are kept in a line's database and in that of the tape. */
export interface Kept {
  readonly lineDays: number;
  readonly tapeDays: number;
}

/** Bytes of a row of each of the days that a line keeps, together. */
const lineRowBytes = ({ lineDays }: Kept): number => {
  const hot = Math.min(HOT_DAYS, lineDays);
  return hot * measured.row_bytes + (lineDays - hot) * measured.compressed_row_bytes;
};

/** Connections to Kalshi as the configuration bounds them. */
export interface KalshiPool {
  readonly book: number;
  readonly feeds: number;
  readonly instrumentsPerConnection: number;
  /** A further one is opened only when the open ones hold this many each. */
  readonly minimumPerConnection: number;
}

/** Those that are opened: as many as there may be, or more where the instruments have no room otherwise. */
function connectionsTo(
  { book, feeds, instrumentsPerConnection, minimumPerConnection }: KalshiPool,
  count: number,
): number {
  const wanted = Math.min(book, Math.max(1, Math.floor(count / minimumPerConnection)));
  return feeds + Math.max(wanted, Math.ceil(count / instrumentsPerConnection));
}

/** @throws RangeError for a scenario without instruments or messages. */
export function needsOf(
  scenario: Scenario,
  assumptions: Assumptions,
  packing: Packing,
  pool: KalshiPool,
  kept: Kept,
): Needs {
  const { instruments, rate, peak, kalshiShare } = scenario;
  if (instruments <= 0 || rate <= 0) throw new RangeError(`${scenario.name}: nothing to carry`);
  const loaded: Assumptions = { ...assumptions, instruments, rate, peak_factor: peak };
  const traffic = lineTraffic(loaded, packing);
  const coreRate = (measured.gatherer_core_share * 1e6) / measured.gatherer_micros_per_message;
  const kalshi = instruments * kalshiShare;
  const polymarket = instruments - kalshi;
  const kalshiConnections = connectionsTo(pool, kalshi);
  const rowsPerDay = traffic.lines * DAY_SECONDS;
  const tapeRowsPerDay = rate * DAY_SECONDS;
  return {
    gathererProcesses: Math.max(1, Math.ceil((rate * peak) / coreRate)),
    gathererMemoryBytes: measured.gatherer_base_bytes + instruments * measured.gatherer_bytes_per_instrument,
    kalshiConnections,
    polymarketConnections: Math.ceil(polymarket / limits.polymarket_tokens_per_connection),
    kalshiUsers: Math.ceil((kalshiConnections * LINES) / limits.kalshi_connections_per_user),
    listingSeconds: kalshi / 1_000 / (limits.kalshi_reads_per_second * RATE_SHARE),
    linesPerSecond: traffic.lines,
    bytesPerSecond: traffic.bytes,
    recordsPerSecond: traffic.records,
    shards: shardsFor(traffic, peak),
    writerConcurrency: Math.max(
      1,
      Math.ceil(
        (traffic.lines * peak) / assumptions.writer_rows_per_second +
          (traffic.records / WRITER_RECORDS) * assumptions.invocation_seconds,
      ),
    ),
    rowsPerDay,
    databaseRowsShare: (traffic.lines * peak) / measured.database_rows_per_second,
    diskBytes: rowsPerDay * lineRowBytes(kept),
    diskBytesUncompressed: rowsPerDay * kept.lineDays * measured.row_bytes,
    mergeShare: (LINES * traffic.lines) / assumptions.merge_rows_per_second,
    tapeRowsPerDay,
    tapeBytes: tapeRowsPerDay * kept.tapeDays * measured.row_bytes,
    pollSeconds: Math.max(kalshi / 100 / POLL_REQUESTS, polymarket / 250 / POLL_REQUESTS),
  };
}

/** Part of the venue's published rate that one gatherer takes. */
const RATE_SHARE = 0.3;
const WRITER_RECORDS = 100;
const POLL_REQUESTS = 10;

/** Messages a second, on average, at which a part of today's configuration has no more to give. */
export interface Ceiling {
  readonly part: string;
  readonly rate: number;
  readonly remedy: string;
}

/** What a configuration has, as far as it bounds the messages. */
export interface Configured extends Kept {
  readonly shards: number;
  readonly volumeBytes: number;
  readonly tapeBytes: number;
  readonly peak: number;
}

/** Where each part of a configuration ends, the first to break first. */
export function ceilings(configured: Configured, assumptions: Assumptions): Ceiling[] {
  const { shards, volumeBytes, tapeBytes, peak, lineDays, tapeDays } = configured;
  const eventBytes = assumptions.event_bytes;
  const found: Ceiling[] = [
    {
      part: 'merge: one function at a time',
      rate: assumptions.merge_rows_per_second / LINES,
      remedy: 'one merge for each part of the instruments, each with cursors of its own; or fewer lines',
    },
    {
      part: 'gatherer: one process, one core',
      rate: (measured.gatherer_core_share * 1e6) / measured.gatherer_micros_per_message / peak,
      remedy: 'one task a line for each venue, then for each part of its series (`filter`)',
    },
    {
      part: `stream: ${shards} shards`,
      rate: (shards * 2 ** 20) / eventBytes / peak,
      remedy: '`deployment.stream.shards`, or `mode: on_demand`',
    },
    {
      part: 'writers: one for each shard',
      rate: (shards * assumptions.writer_rows_per_second) / peak,
      remedy: 'more shards',
    },
    {
      part: "line's database: rows with their keys",
      rate: measured.database_rows_per_second / peak,
      remedy: 'a larger `line_database.instance_class`, then one database for each venue',
    },
    {
      part: `line's volume: ${Math.round(volumeBytes / GB).toLocaleString('en-US')} GiB for ${lineDays} days, ${HOT_DAYS} of them uncompressed`,
      rate: volumeBytes / (DAY_SECONDS * lineRowBytes(configured)),
      remedy: '`line_database.storage_gibibytes`, or fewer days kept',
    },
    {
      part: `line's volume where nothing is compressed`,
      rate: volumeBytes / (DAY_SECONDS * lineDays * measured.row_bytes),
      remedy: 'TimescaleDB Community, or fewer days kept',
    },
    {
      part: `production database: ${Math.round(tapeBytes / GB).toLocaleString('en-US')} GiB for ${tapeDays} days`,
      rate: tapeBytes / (DAY_SECONDS * tapeDays * measured.row_bytes),
      remedy: '`production.storage_limit_gibibytes`, or fewer days beside the Parquet tape',
    },
  ];
  return found.sort((one, other) => one.rate - other.rate);
}
