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
import { MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { type FilledTape, fillTape, firstDay, instrumentName } from '../../bench/inputs/filled-tape.ts';
import { fillLine } from '../../bench/merge.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { Random } from '../../sim/market/random.ts';

const INSTRUMENTS = 1_000;
const DAYS_A_MILLION = 10;
const MOST_DAYS = 100;
const BOOKS = 200;
const SPANS = 50;
/** Changes that each line gets, and that are merged onto the tape. */
const MERGED = 100_000;
const ROWS_PER_RUN = 50_000;
const HOUR = 3_600_000_000;
const MILLION = 1_000_000;
/** Between two changes of those that are merged. */
const MERGED_STEP = 20_000;

/** What the work on a tape of so many rows takes. */
export interface GrowthRow {
  readonly rows: number;
  readonly days: number;
  readonly book_ms: number;
  /** Of one instrument. */
  readonly changes_of_an_hour_ms: number;
  readonly trades_of_a_day_ms: number;
  readonly candles_of_a_day_ms: number;
  readonly merge_micros_per_row: number;
  readonly audit_micros_per_row: number;
}

async function mean(times: number, work: (turn: number) => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  for (let turn = 0; turn < times; turn++) await work(turn);
  return (performance.now() - begun) / times;
}

async function drained(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of rows) count++;
  return count;
}

/** Fills a tape with so many millions of changes, and measures queries, merge and audit on it. */
export async function growth(
  millions: number,
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
    };
    const production = await open('tape', 'production');
    await fillTape(production, tape);
    note(`${millions} million changes are on the tape, over ${days} days`);
    const lines = {} as Record<LineName, pg.Client>;
    for (const [index, line] of lineNames.entries()) {
      lines[line] = await open(`line_${line}`, 'gatherer');
      await fillLine(lines[line], index, MERGED);
    }
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
    // What is asked for a first time is read from disk.
    const book = () => bookAt(production, 'kalshi', instrument(), moment() as Micros, defaultRules);
    await mean(BOOKS, book);
    const bookMillis = await mean(BOOKS, book);
    const changes = await mean(SPANS, () => drained(deltasOf(production, span(HOUR))));
    const trades = await mean(SPANS, () => drained(tradesOf(production, span(MICROS_PER_DAY))));
    const candles = await mean(SPANS, () => {
      const request = { ...span(MICROS_PER_DAY), width: '1h', of: 'trades', empty: 'skip' } as const;
      return drained(candlesOf(production, request, defaultRules));
    });
    const begun = performance.now();
    const merge = new TapeMerge({
      production: async () => production,
      line: async (line) => lines[line],
      clock: () => (Date.now() * 1_000) as Micros,
      newMark: () => randomUUID(),
      rowsPerRun: ROWS_PER_RUN,
      rules: defaultRules,
    });
    let report = await merge.run();
    while (report.behind) report = await merge.run();
    const merged = (performance.now() - begun) * 1_000;
    const audited = await mean(1, () =>
      auditTape(production, lines, {
        from: today as Micros,
        to: (today + MERGED * MERGED_STEP) as Micros,
        rules: defaultRules,
        examples: 1,
      }),
    );
    return {
      rows: millions * MILLION,
      days,
      book_ms: bookMillis,
      changes_of_an_hour_ms: changes,
      trades_of_a_day_ms: trades,
      candles_of_a_day_ms: candles,
      merge_micros_per_row: merged / (MERGED * lineNames.length),
      audit_micros_per_row: (audited * 1_000) / MERGED,
    };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
    await server.stop();
  }
}
