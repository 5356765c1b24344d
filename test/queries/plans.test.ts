import pg, { type Client, type ClientBase } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FindingLog } from '#src/audit/finding.ts';
import { auditTapeGaps } from '#src/audit/gap-audit.ts';
import { LineAccounts } from '#src/coverage/line-accounts.ts';
import { candlesOf } from '#src/storage/production/candle-query.ts';
import { DELTA_ORDER, deltasOf, metricsOf } from '#src/storage/production/change-queries.ts';
import { readLives, recomputeTapeGaps } from '#src/storage/production/gap-merge.ts';
import { bookAt, gapsOf, tradesOf } from '#src/storage/production/tape-queries.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { type FilledTape, fillTape, instrumentName } from '../../bench/inputs/filled-tape.ts';
import { type PlanCost, plansOf } from '../../scale/growth/plan.ts';
import { T0 } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';
import { templateOf } from '../storage/prepared-cluster.ts';

const databases = useDatabases();
const HOUR = 3_600_000_000;
const tape: FilledTape = {
  instruments: 60,
  days: 8,
  lastDay: (T0 - (T0 % MICROS_PER_DAY)) as Micros,
  changesPerDay: 200,
};
const instrument = instrumentName(17);
/** In the middle of the tape. */
const NOON = (tape.lastDay - 3 * MICROS_PER_DAY + 12 * HOUR) as Micros;
const hour = { venue: 'kalshi', instrument, from: NOON, to: (NOON + HOUR) as Micros };
/** Changes of an instrument in an hour are 8; what is read may be several times that, and never a day of all. */
const FEW = 200;
/** Where rows stand in the order of their query. */
const ORDERS = {
  trades: ['exchange_ts', 'venue', 'trade_id'],
  changes: DELTA_ORDER,
  'figures of books': ['at', 'venue', 'instrument'],
} as const;

let client: Client;

beforeAll(async () => {
  const server = await databases.server();
  const admin = new pg.Client({ connectionString: server.url('postgres') });
  await admin.connect();
  await admin.query(`CREATE DATABASE plans TEMPLATE ${templateOf('production')} STRATEGY FILE_COPY`);
  await admin.end();
  client = new pg.Client({ connectionString: server.url('plans') });
  await client.connect();
  await fillTape(client, tape);
});

afterAll(async () => {
  await client?.end();
});

async function costs(run: (client: ClientBase) => Promise<unknown>): Promise<PlanCost[]> {
  return (await plansOf(client, run)).filter(({ statement }) => !statement.includes('FROM line_lives'));
}

const drain =
  (rows: (client: ClientBase) => AsyncIterable<unknown>) =>
  async (reader: ClientBase): Promise<void> => {
    let found = 0;
    for await (const _ of rows(reader)) found++;
    expect(found).toBeGreaterThan(0);
  };

const LAST_HOURS = { from: (tape.lastDay + 18 * HOUR) as Micros, to: (tape.lastDay + 24 * HOUR) as Micros };

/** Rows of gaps that were read: of an instrument there are 163, 20 of them of one day, and 9,780 of all. */
const gapsRead = (all: readonly PlanCost[]): number =>
  all.filter(({ relations }) => relations.includes('gaps')).reduce((sum, { rowsRead }) => sum + rowsRead, 0);

/** Days of a table that were read; the default partition, which is empty, is no day. */
const daysOf = ({ relations }: PlanCost, table: string): string[] =>
  relations.filter((name) => name.startsWith(`${table}_2`));

describe('what a query of the tape reads', () => {
  it.each([
    ['trades', 'trades', (reader: ClientBase) => tradesOf(reader, hour)],
    ['changes', 'order_book_deltas', (reader: ClientBase) => deltasOf(reader, hour)],
    ['figures of a book', 'order_book_metrics', (reader: ClientBase) => metricsOf(reader, hour)],
  ] as const)(
    'for the %s of an instrument in an hour is its rows of that day, by index',
    async (_, table, rows) => {
      const [cost] = await costs(drain(rows));
      expect(daysOf(cost!, table)).toHaveLength(1);
      expect(cost!.wholly.filter((name) => !name.endsWith('_default'))).toEqual([]);
      expect(cost!.rowsRead).toBeLessThanOrEqual(cost!.rowsGiven);
    },
  );

  it('of the gaps of an instrument is what bears on the span, however many there were before', async () => {
    const accounts = (reader: ClientBase) => new LineAccounts(reader, defaultRules, LAST_HOURS.from);
    const one = await costs(async (reader) => {
      const { lines } = await accounts(reader).gaps('kalshi', instrument);
      // When it was expected, long ago, and the gaps of the hour.
      expect([...lines.values()].flat().length).toBeGreaterThan(3);
    });
    expect(gapsRead(one)).toBeLessThan(12);
    expect(one.flatMap(({ wholly }) => wholly)).toEqual([]);
  });

  it('of the gaps of all instruments for an audit is what reaches into the span', async () => {
    const asked = await costs((reader) =>
      auditTapeGaps(
        reader,
        new LineAccounts(reader, defaultRules, LAST_HOURS.from),
        'kalshi',
        LAST_HOURS,
        new FindingLog(1),
      ),
    );
    // 60 instruments with five gaps or so each, and their three beginnings; there are 163 of each.
    expect(gapsRead(asked)).toBeLessThan(60 * 20);
  });

  it('of gaps when a line falls silent is what bears on the time since then', async () => {
    const allowances = { now: LAST_HOURS.to, silence: 15_000_000, arrivalAllowance: 1_000_000 };
    const reckon = async (reader: ClientBase) =>
      await recomputeTapeGaps(reader, await readLives(reader), [], allowances);
    await client.query('BEGIN');
    // The tape was filled without what its lives make: that is reckoned once, from the first life on.
    await reckon(client);
    await client.query("UPDATE line_lives SET durable_until = $1 WHERE line = 'a'", [LAST_HOURS.from]);
    const all = await costs(async (reader) => {
      expect(await reckon(reader)).toHaveLength(tape.instruments);
    });
    await client.query('ROLLBACK');
    expect(gapsRead(all)).toBeLessThan(60 * 20);
  });

  const day = { from: NOON, to: (NOON + 24 * HOUR) as Micros, limit: 50 };
  it.each([
    ['trades', (reader: ClientBase, page: object) => tradesOf(reader, { ...day, ...page })],
    ['changes', (reader: ClientBase, page: object) => deltasOf(reader, { ...day, ...page })],
    ['figures of books', (reader: ClientBase, page: object) => metricsOf(reader, { ...day, ...page })],
  ] as const)('for a page of the %s of all instruments is little more than the page', async (kind, rows) => {
    const [first] = await costs(drain((reader) => rows(reader, {})));
    expect(first!.rowsGiven).toBe(50);
    expect(first!.rowsRead).toBeLessThan(FEW);
    const last: Record<string, unknown>[] = [];
    for await (const row of rows(client, {})) last.push(row as unknown as Record<string, unknown>);
    const after = ORDERS[kind].map((name) => last.at(-1)![name]);
    const [next] = await costs(drain((reader) => rows(reader, { after })));
    expect(next!.rowsGiven).toBe(50);
    expect(next!.rowsRead).toBeLessThan(FEW);
  });

  it.each([
    ['all instruments', {}],
    ['one instrument', { venue: 'kalshi', instrument }],
  ])('for a later page of %s begins on the day where the page before ended', async (_, whose) => {
    const span = { ...whose, from: (NOON - 4 * MICROS_PER_DAY) as Micros, to: day.to, limit: 20 };
    for (const [table, rows, after] of [
      ['trades', tradesOf, [NOON, 'kalshi', '']],
      ['order_book_deltas', deltasOf, [NOON, '', 0, 'ask', 0, 0, 0, 0]],
      ['order_book_metrics', metricsOf, [NOON, 'kalshi', '']],
    ] as const) {
      const [cost] = await costs(drain((reader) => rows(reader, { ...span, after })));
      expect(daysOf(cost!, table).length, table).toBeLessThanOrEqual(2);
    }
  });

  it('for a page of the changes of an event is those of its instruments, not of all', async () => {
    await client.query(
      `INSERT INTO markets (venue, market, event, series, title, status, details, updated_at)
       VALUES ('kalshi', 'M', 'E', 'S', 'M', 'active', '{}', 1)`,
    );
    await client.query(
      `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES ('kalshi', $1, 'M', 'YES', 0, 1)`,
      [instrument],
    );
    await client.query('ANALYZE markets, instruments');
    const [cost] = await costs(drain((reader) => deltasOf(reader, { ...day, event: 'E', limit: 5 })));
    expect(cost!.wholly.filter((name) => name.startsWith('order_book_deltas_2'))).toEqual([]);
    expect(cost!.rowsRead).toBeLessThan(2 * FEW);
  });

  it.each(['trades', 'mids'] as const)(
    'for candles of %s of one instrument is its rows of those days',
    async (of) => {
      const request = { ...hour, width: '1m', of, empty: 'carry' } as const;
      const all = await costs(drain((reader) => candlesOf(reader, request, defaultRules)));
      expect(all.flatMap(({ wholly }) => wholly).filter((name) => !name.endsWith('_default'))).toEqual([]);
      expect(all.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(FEW * 2);
      // The day before as well: a price is carried from there.
      for (const table of ['trades', 'order_book_metrics'])
        expect(new Set(all.flatMap((cost) => daysOf(cost, table))).size).toBeLessThanOrEqual(2);
    },
  );

  it.each(['trades', 'mids'] as const)(
    'for candles of %s of all instruments is their roll-ups of that time, and one question for what surrounds them',
    async (of) => {
      const { instrument: _, ...anything } = hour;
      const request = { ...anything, width: '1h', of, empty: 'carry' } as const;
      const [candles, ...others] = await costs(drain((reader) => candlesOf(reader, request, defaultRules)));
      expect(candles!.wholly.filter((name) => name.endsWith('_rollups'))).toEqual([]);
      expect(candles!.rowsRead).toBeLessThan(4 * tape.instruments);
      // The gaps, and the prices of the day before.
      expect(others).toHaveLength(2);
      expect(others.flatMap(({ wholly }) => wholly).filter((name) => !name.endsWith('_default'))).toEqual([]);
    },
  );

  it('for gaps is those of the instrument and of its whole venue', async () => {
    const day = { ...hour, from: (NOON - MICROS_PER_DAY) as Micros, line: 'tape' } as const;
    const [cost] = await costs(drain((reader) => gapsOf(reader, day)));
    expect(cost!.wholly).toEqual([]);
    expect(cost!.rowsRead).toBeLessThan(FEW);
  });

  it('for a book is an anchor and the changes since, whatever the tape holds before and after', async () => {
    const all = await costs((reader) => bookAt(reader, 'kalshi', instrument, NOON, defaultRules));
    const wholly = all.flatMap((cost) => cost.wholly).filter((name) => !name.endsWith('_default'));
    expect(wholly).toEqual([]);
    const changes = all.find(({ statement }) => statement.includes('FROM order_book_deltas'))!;
    expect(daysOf(changes, 'order_book_deltas').length).toBeLessThanOrEqual(2);
    expect(changes.rowsRead).toBeLessThan(FEW);
    const anchor = all.find(({ statement }) => statement.includes('FROM order_book_snapshots'))!;
    expect(daysOf(anchor, 'order_book_snapshots').length).toBeLessThanOrEqual(2);
    expect(anchor.rowsRead).toBeLessThan(FEW);
  });
});
