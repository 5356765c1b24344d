import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { auditTape } from '#src/audit/audit.ts';
import { migrate } from '#src/storage/migrate.ts';
import { candlesOf } from '#src/storage/production/candle-query.ts';
import { deltasOf } from '#src/storage/production/change-queries.ts';
import { TapeMerge } from '#src/storage/production/merge.ts';
import { type LineName, lineNames } from '#src/storage/production/merge-statements.ts';
import { bookAt, tradesOf } from '#src/storage/production/tape-queries.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { MICROS_PER_DAY, MICROS_PER_HOUR, type Micros } from '#src/units/time.ts';
import { type FilledTape, fillTape, firstDay, instrumentName } from '../../bench/inputs/filled-tape.ts';
import { quantile } from '../../bench/measure.ts';
import { fillLine } from '../../bench/merge.ts';
import { sessionCpu } from '../../bench/session-cpu.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { Random } from '../../sim/market/random.ts';

const INSTRUMENTS = 1_000;
const DAYS_A_MILLION = 10;
const MOST_DAYS = 100;
const BOOKS = 200;
const SPANS = 50;
/** Changes that each line gets, and that are merged onto the tape. */
const MERGED = 100_000;
/** Of them, those whose minutes are audited. */
const AUDITED = 25_000;
const ROWS_PER_RUN = 50_000;
const MILLION = 1_000_000;
/** Between two changes of those that are merged. */
const MERGED_STEP = 20_000;

/**
 * What the work on a tape of so many rows takes: CPU time of this process and of the servers' sessions, so that what
 * else runs on the machine counts little; percentiles are time on the wall.
 */
export interface GrowthRow {
  readonly rows: number;
  readonly days: number;
  readonly book_cpu_ms: number;
  readonly book_p50_ms: number;
  readonly book_p99_ms: number;
  /** Of one instrument. */
  readonly changes_of_an_hour_cpu_ms: number;
  /** Null of a tape of changes only. */
  readonly trades_of_a_day_cpu_ms: number | null;
  readonly candles_of_a_day_cpu_ms: number | null;
  readonly merge_cpu_micros_per_row: number;
  /** The gaps of all instruments, once every line has fallen silent. */
  readonly lines_down_cpu_ms: number;
  readonly audit_cpu_micros_per_row: number;
}

/** CPU time in milliseconds of each turn, on average, and what each took on the wall. */
async function taken(
  times: number,
  sessions: () => number,
  work: (turn: number) => Promise<unknown>,
): Promise<{ cpu: number; walls: number[] }> {
  const walls: number[] = [];
  const before = sessions();
  const usage = process.cpuUsage();
  for (let turn = 0; turn < times; turn++) {
    const begun = performance.now();
    await work(turn);
    walls.push(performance.now() - begun);
  }
  const { user, system } = process.cpuUsage(usage);
  return { cpu: (user + system + sessions() - before) / 1_000 / times, walls };
}

async function drained(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of rows) count++;
  return count;
}

/** Fills a tape with so many millions of changes, and measures queries, merge and audit on it. */
export async function growth(
  millions: number,
  changesOnly: boolean,
  directory: string,
  note: (text: string) => void,
): Promise<GrowthRow> {
  const server = await startPostgres({
    dir: join(directory, `growth-${millions}`),
    databases: [...lineNames.map((line) => `line_${line}`), 'tape'],
    settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
  });
  const clients: pg.Client[] = [];
  const open = async (database: string, set: 'gatherer' | 'production'): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url(database) });
    clients.push(client);
    await client.connect();
    await migrate(client, set);
    return client;
  };
  try {
    const today = Math.floor((Date.now() * 1_000) / MICROS_PER_DAY) * MICROS_PER_DAY;
    const days = Math.min(MOST_DAYS, Math.ceil(DAYS_A_MILLION * millions));
    const tape: FilledTape = {
      instruments: INSTRUMENTS,
      days,
      lastDay: (today - MICROS_PER_DAY) as Micros,
      changesPerDay: Math.round((millions * MILLION) / INSTRUMENTS / days),
      changesOnly,
    };
    const production = await open('tape', 'production');
    await fillTape(production, tape);
    note(`${millions} million changes are on the tape, over ${days} days`);
    const lines = {} as Record<LineName, pg.Client>;
    for (const line of lineNames) lines[line] = await open(`line_${line}`, 'gatherer');
    const random = new Random(1, 'growth');
    const instrument = (): string => instrumentName(random.between(0, INSTRUMENTS - 1));
    const moment = (): number => firstDay(tape) + Math.floor(random.unit() * (days - 1) * MICROS_PER_DAY);
    const span = (length: number) => {
      const from = moment();
      return {
        venue: 'kalshi',
        instrument: instrument(),
        from: from as Micros,
        to: (from + length) as Micros,
      };
    };
    const sessions = await sessionCpu(clients);
    // What is asked for a first time is read from disk.
    const book = () => bookAt(production, 'kalshi', instrument(), moment() as Micros, defaultRules);
    await taken(BOOKS, sessions, book);
    const books = await taken(BOOKS, sessions, book);
    const changes = await taken(SPANS, sessions, () => drained(deltasOf(production, span(MICROS_PER_HOUR))));
    const trades = await taken(SPANS, sessions, () => drained(tradesOf(production, span(MICROS_PER_DAY))));
    const candles = await taken(SPANS, sessions, () => {
      const request = { ...span(MICROS_PER_DAY), width: '1h', of: 'trades', empty: 'skip' } as const;
      return drained(candlesOf(production, request, defaultRules));
    });
    const pass = new TapeMerge({
      production: async () => production,
      line: async (line) => lines[line],
      clock: () => (Date.now() * 1_000) as Micros,
      newMark: () => randomUUID(),
      rowsPerRun: ROWS_PER_RUN,
      rules: defaultRules,
    });
    const silentSince = async (at: number): Promise<void> => {
      await production.query('UPDATE line_lives SET durable_until = $1', [at]);
    };
    await silentSince(today + 2 * MICROS_PER_DAY);
    // The tape was filled with gaps that nobody had reckoned from the lives; the first merge of all does that once.
    await pass.run();
    for (const [index, line] of lineNames.entries()) await fillLine(lines[line], index, MERGED);
    note('merging');
    const merge = await taken(1, sessions, async () => {
      let report = await pass.run();
      while (report.behind) report = await pass.run();
    });
    await silentSince(today - MICROS_PER_HOUR);
    const down = await taken(1, sessions, () => pass.run());
    note('auditing');
    const audit = await taken(1, sessions, () =>
      auditTape(production, lines, {
        from: today as Micros,
        to: (today + AUDITED * MERGED_STEP) as Micros,
        rules: defaultRules,
        examples: 1,
      }),
    );
    return {
      rows: millions * MILLION,
      days,
      book_cpu_ms: books.cpu,
      book_p50_ms: quantile(books.walls, 0.5),
      book_p99_ms: quantile(books.walls, 0.99),
      changes_of_an_hour_cpu_ms: changes.cpu,
      trades_of_a_day_cpu_ms: changesOnly ? null : trades.cpu,
      candles_of_a_day_cpu_ms: changesOnly ? null : candles.cpu,
      merge_cpu_micros_per_row: (merge.cpu * 1_000) / (MERGED * lineNames.length),
      lines_down_cpu_ms: down.cpu,
      audit_cpu_micros_per_row: (audit.cpu * 1_000) / AUDITED,
    };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
    await server.stop();
  }
}
