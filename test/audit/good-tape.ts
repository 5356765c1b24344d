import { hashKey, lifecycleContentKey, snapshotContentKey, tickerContentKey } from '#src/events/identity.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { levelsFromFlat } from '#src/tape/book-rebuild.ts';
import type { Micros } from '#src/units/time.ts';
import {
  delta,
  gapRow,
  heartbeat,
  lifecycle,
  type Row,
  runUntilDone,
  snapshot,
  store,
  T0,
  ticker,
  trade,
  type World,
  world,
} from '../merge/lines.ts';
import type { TestDatabases } from '../storage/database.ts';

export const SECOND = 1_000_000;
/** A whole minute, so that minutes of the account lie wholly in the span. */
export const BEGIN = Math.floor(T0 / 60_000_000) * 60_000_000;
const at = (seconds: number): number => BEGIN + seconds * SECOND;

/** A snapshot with the key that its content gives. */
function book(row: Row): Row {
  const { hash = null, depth = null, bids = [], asks = [] } = row as Record<string, never>;
  const event = {
    ...(hash === null ? {} : { hash }),
    ...(depth === null ? {} : { depth }),
    bids: levelsFromFlat(bids),
    asks: levelsFromFlat(asks),
  };
  return snapshot({
    received_at: row['snapshot_ts'],
    bids,
    asks,
    ...row,
    hash_key: snapshotContentKey(event as never),
  });
}
function tick(row: Row): Row {
  const whole = ticker(row);
  return { ...whole, content_key: tickerContentKey(whole as never) };
}
function announcement(row: Row): Row {
  const whole = lifecycle(row);
  const { subject: market, type, status, details } = whole;
  return { ...whole, content_key: lifecycleContentKey({ market, type, status, details } as never) };
}
const change = (seconds: number, row: Row): Row =>
  delta({ exchange_ts: at(seconds), received_at: at(seconds) + 5_000, ...row });
const level = (seconds: number, price: number, amount: number, index = 0): Row =>
  change(seconds, {
    venue: 'polymarket',
    instrument: 'P1',
    price,
    amount,
    is_absolute: true,
    instant_index: index,
    hash: `h${seconds}-${index}`,
    hash_key: hashKey(`h${seconds}-${index}`),
  });

const [K40, K41, A45] = [400_000, 410_000, 450_000];
const n = (contracts: number): number => contracts * 1_000_000;

/** What all lines store, and in what the tape's books must agree. */
export const goodRows: Readonly<Record<string, readonly Row[]>> = {
  order_book_snapshots: [
    book({ snapshot_ts: at(1), bids: [K40, n(5)], asks: [A45, n(2)] }),
    // What Kalshi sends on subscription: without a venue time, received after the change of second 2.
    book({ snapshot_ts: at(2.5), source: 'ws', bids: [K40, n(3)], asks: [A45, n(2)] }),
    // Asked for: the answer is of before the change of second 3.
    book({ snapshot_ts: at(3.1), source: 'rest', bids: [K40, n(3)], asks: [A45, n(2)] }),
    book({ snapshot_ts: at(5), depth: 1, bids: [K41, n(4)], asks: [A45, n(2)] }),
    book({ snapshot_ts: at(9), bids: [K41, n(4), K40, n(3)], asks: [A45, n(1)] }),
    book({
      venue: 'polymarket',
      instrument: 'P1',
      source: 'ws',
      snapshot_ts: at(1),
      exchange_ts: at(1),
      hash: 'b1',
      bids: [K40, n(5)],
    }),
    // Holds the first of two changes of its own millisecond, and has lost to a trade what no change told.
    book({
      venue: 'polymarket',
      instrument: 'P1',
      source: 'ws',
      snapshot_ts: at(6),
      exchange_ts: at(6),
      instant_index: 1,
      hash: 'b2',
      bids: [K41, n(8), K40, n(2)],
    }),
    book({
      venue: 'polymarket',
      instrument: 'P1',
      source: 'ws',
      snapshot_ts: at(8),
      exchange_ts: at(8),
      hash: 'b3',
      bids: [K41, n(9), K40, n(2)],
    }),
  ],
  order_book_deltas: [
    change(2, { price: K40, amount: -n(2) }),
    change(3, { price: K41, amount: n(4) }),
    change(6, { side: 'ask', price: A45, amount: -n(1) }),
    change(7, { price: K41, amount: n(1) }),
    change(8, { price: K41, amount: -n(1) }),
    level(3, K40, n(4)),
    level(6, K41, n(8)),
    level(6, K41, n(9), 1),
  ],
  trades: [
    trade({ trade_id: 'k-1', exchange_ts: at(4), received_at: at(4) + 9 }),
    trade({ trade_id: 'k-2', exchange_ts: at(8), received_at: at(8) + 9, price: A45 }),
    trade({
      venue: 'polymarket',
      instrument: 'P1',
      trade_id: 'p-1',
      exchange_ts: at(6),
      size: n(2),
      price: K40,
    }),
  ],
  tickers: [tick({ exchange_ts: at(4), bid: K41, ask: A45 }), tick({ exchange_ts: at(7), bid: K41 })],
};

/**
 * Three lines that saw the same, from a minute before `BEGIN` on, but for what each of them missed and says so; K2 is
 * in a gap of all from second 20 to 30. Announcements come to each line at another time.
 */
export async function goodTape(databases: TestDatabases): Promise<World> {
  const made = await world(databases);
  for (const [index, line] of lineNames.entries()) {
    const client = made.sessions[line];
    await heartbeat(client, line, 'e1', at(-60), at(70));
    await store(client, 'gaps', [
      gapRow(`${line}:e1:1`, at(-60), null, { instruments: ['K1', 'K2'] }),
      gapRow(`${line}:e1:1`, at(-60), at(-30), { instruments: ['K1', 'K2'] }),
      gapRow(`${line}:e1:2`, at(-60), at(-30), { venue: 'polymarket', instruments: ['P1'] }),
      gapRow(`${line}:e1:3`, at(21), at(30), { instruments: ['K2'], cause: 'sequence_gap' }),
    ]);
    for (const [table, rows] of Object.entries(goodRows)) {
      const isMissed = (row: Row): boolean =>
        (line === 'c' && row['trade_id'] === 'k-1') || (line === 'b' && row['exchange_ts'] === at(7));
      await store(
        client,
        table,
        rows.filter((row) => !isMissed(row)),
      );
    }
    await store(client, 'market_lifecycle', [
      announcement({
        subject: 'K1',
        type: 'determined',
        at: at(9) + index * 1_000,
        received_at: at(9) + index * 1_000,
      }),
      announcement({
        subject: 'K1',
        type: 'settled',
        at: at(9.5),
        exchange_ts: at(9.5),
        received_at: at(9.5) + index,
      }),
    ]);
  }
  // b lost the changes of second 7 on a connection, c the trade of second 4.
  await store(made.sessions.b, 'gaps', [gapRow('b:e1:4', at(6.5), at(9), { cause: 'sequence_gap' })]);
  await store(made.sessions.c, 'gaps', [gapRow('c:e1:4', at(3.5), at(5), { cause: 'disconnected' })]);
  // REST gave line a the same trade with microseconds and without the side.
  await store(made.sessions.a, 'trades', [
    trade({ trade_id: 'k-2', exchange_ts: at(8) + 345, received_at: at(12), price: A45, taker_side: null }),
  ]);
  await store(made.sessions.a, 'markets', [
    {
      venue: 'polymarket',
      market: 'M',
      event: null,
      series: null,
      title: 'x',
      status: 'open',
      open_ts: null,
      close_ts: null,
      details: {},
      updated_at: 1,
    },
  ]);
  made.now = at(70) as Micros;
  await runUntilDone(made.merge());
  return made;
}
