import type pg from 'pg';
import type { GathererStatus } from '#src/status/line-status.ts';
import type { SystemSource } from '#src/status/system-status.ts';
import { delta, metrics, type Row, snapshot, store, trade } from '../merge/lines.ts';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const CENT = 10_000;

/** Markets as venues word them; the last title is what somebody might try. */
const MARKETS: readonly (readonly [venue: string, market: string, title: string])[] = [
  ['kalshi', 'KXFED-26DEC-T4.25', 'Will the Federal Reserve cut its rate in December'],
  ['kalshi', 'KXCPI-26DEC-T0.3', 'Will consumer prices rise by more than 0.3 % in December'],
  ['kalshi', 'KXHIGHNY-26DEC01-B45', 'Will the highest temperature in New York be 45 to 46 degrees'],
  ['kalshi', 'KXBTC-26DEC31-T120', 'Will bitcoin end the year above 120,000 dollars'],
  ['kalshi', 'KXOSCARS-27-ANORA', 'Will the favourite win best picture'],
  ['kalshi', 'KXNFL-26DEC06-KC', 'Will Kansas City win on Sunday'],
  ['kalshi', 'KXGDP-26Q4-T2.0', 'Will growth exceed 2 % in the fourth quarter'],
  ['polymarket', '0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1', 'Fed cut in December'],
  [
    'polymarket',
    '0x311d0c4b6671ab54af4970c06fcf58662516f5168997bdda209ec3db5aa6b0c1',
    'Bitcoin above 120,000',
  ],
  [
    'polymarket',
    '0x93c3d1d255a1730c70a3a4d3a08f4db3811a8db46a3591620c5fff600385a3cc',
    '<img src=x onerror=alert(1)> wins',
  ],
];

/** The instrument that everything happens to. */
export const BUSY = 'KXFED-26DEC-T4.25';

/** The same numbers in every run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 7 });
const instrumentsOf = (venue: string, market: string): readonly string[] =>
  venue === 'kalshi' ? [market] : [`7${BigInt(market)}`, `3${BigInt(market)}`];

async function catalogue(client: pg.Client, now: number): Promise<void> {
  for (const [venue, market, title] of MARKETS) {
    await client.query(
      `INSERT INTO markets (venue, market, event, series, title, status, close_ts, details, updated_at)
       VALUES ($1, $2, $2, 'S', $3, 'active', $4, '{}', 1)`,
      [venue, market, title, now + 240 * HOUR],
    );
    for (const [position, instrument] of instrumentsOf(venue, market).entries()) {
      await client.query(
        `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES ($1, $2, $3, $4, $5, 1)`,
        [venue, instrument, market, venue === 'kalshi' ? 'YES' : ['Yes', 'No'][position], position],
      );
    }
  }
}

/** Levels that get larger away from the middle. */
function side(best: number, step: number, roll: () => number): number[] {
  return Array.from({ length: 14 }, (_, index) => [
    best + index * step,
    Math.round((50 + roll() * 900 * (1 + index / 4)) * 100) * 10_000,
  ])
    .filter(([price]) => price! > 0 && price! < 1_000_000)
    .flat();
}

async function events(client: pg.Client, now: number): Promise<void> {
  const roll = dice(7);
  const trades: Row[] = [];
  let cents = 42;
  for (
    let at = now - 66 * MINUTE, index = 0;
    at < now;
    at += Math.round((4 + roll() * 22) * SECOND), index++
  ) {
    cents = Math.max(20, Math.min(70, cents + Math.round((roll() - 0.48) * 3)));
    trades.push(
      onTape(
        trade({
          trade_id: `t${index}`,
          instrument: BUSY,
          exchange_ts: Math.round(at / 1_000) * 1_000,
          price: cents * CENT,
          size: Math.round(roll() * roll() * 400 + 1) * 1_000_000,
          taker_side: roll() < 0.5 ? 'buy' : 'sell',
        }),
      ),
    );
  }
  await store(client, 'trades', trades);
  const books = Array.from({ length: 14 }, (_, index) => {
    const mid = cents + Math.round((roll() - 0.5) * 4);
    return onTape(
      snapshot({
        instrument: BUSY,
        snapshot_ts: now - (14 - index) * 5 * MINUTE,
        hash_key: index,
        bids: side((mid - 1) * CENT, -CENT, roll),
        asks: side((mid + 1) * CENT, CENT, roll),
      }),
    );
  });
  await store(client, 'order_book_snapshots', books);
  await store(client, 'order_book_metrics', [
    { ...metrics({ instrument: BUSY, at: now - MINUTE }), lines: 1 },
  ]);
  await addToBook(client, now - 2 * SECOND, 10);
}

/** A change of the busy instrument's book, far enough from the middle to leave it. */
export async function addToBook(client: pg.Client, at: number, contracts: number): Promise<void> {
  const change = { price: 10 * CENT, amount: contracts * 1_000_000, side: 'bid' };
  await store(client, 'order_book_deltas', [onTape(delta({ instrument: BUSY, exchange_ts: at, ...change }))]);
}

/** Until when all lines have been merged. */
export async function settle(client: pg.Client, until: number): Promise<void> {
  await client.query('UPDATE line_lives SET durable_until = $1', [until]);
}

async function account(client: pg.Client, now: number): Promise<void> {
  const roll = dice(11);
  for (const line of ['a', 'b', 'c']) {
    await client.query(
      `INSERT INTO line_lives (line, epoch, started_at, durable_until) VALUES ($1, 'e', $2, $3)`,
      [line, now - 48 * HOUR, now],
    );
  }
  const hour = now - (now % HOUR);
  for (const [venue, market] of MARKETS) {
    for (let back = 0; back < 24; back++) {
      const isBad = (back === 9 && roll() < 0.6) || (back === 15 && roll() < 0.2);
      const settled = isBad ? (venue === 'kalshi' ? 'degraded' : 'missing') : 'available';
      await client.query(
        `INSERT INTO coverage_hours (venue, market, hour, condition) VALUES ($1, $2, $3, $4)`,
        [venue, market, hour - back * HOUR, back === 0 ? 'pending' : settled],
      );
    }
    for (const instrument of instrumentsOf(venue, market)) {
      await client.query(
        `INSERT INTO coverage (venue, instrument, minute, events_a, events_b, events_c, events_tape)
         SELECT $1, $2, m, e, e, e - e / 40, e FROM (
           SELECT m, ($4 * (20 + (m / 60000000 * 37) % 60))::integer AS e
           FROM generate_series($3::bigint - 7200000000, $3::bigint, 60000000) AS m) AS minutes`,
        [venue, instrument, now - (now % MINUTE), instrument === BUSY ? 3 : 1],
      );
    }
  }
  const gaps: readonly (readonly [string, string, number, number | null, string])[] = [
    ['tape', BUSY, now - 31 * MINUTE, now - 27 * MINUTE, 'line_down'],
    ['a', 'KXCPI-26DEC-T0.3', now - 20 * MINUTE, now - 19 * MINUTE, 'sequence_gap'],
    ['a', 'KXCPI-26DEC-T0.3', now - 12 * MINUTE, now - 11 * MINUTE, 'resubscribed'],
    ['b', 'KXBTC-26DEC31-T120', now - 8 * MINUTE, null, 'disconnected'],
    ['c', BUSY, now - 31 * MINUTE, now - 24 * MINUTE, 'stalled'],
  ];
  for (const [index, [line, instrument, from, to, cause]] of gaps.entries()) {
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause, causes)
       VALUES ($1, $2, 'kalshi', $3, $4, $5, $6, $7)`,
      [
        line,
        `g${index}`,
        instrument,
        from,
        to,
        cause,
        line === 'tape' ? ['a:line_down', 'b:line_down', 'c:stalled'] : [],
      ],
    );
  }
}

/** A tape on which something has happened. @param now microseconds, as the browser's clock has it. */
export async function fillLively(client: pg.Client, now: number): Promise<void> {
  await catalogue(client, now);
  await events(client, now);
  await account(client, now);
}

/** Lines whose counters go on with the time, as those of running gatherers do. */
export function livelySystem(startedAt: number, now: () => number): SystemSource {
  const connection = (venue: string, name: string, reconnects: number) => ({
    venue,
    name,
    state: 'open',
    reconnects,
    last_close: reconnects === 0 ? null : { at: startedAt * 1_000, code: 1006, reason: 'no close frame' },
    instruments: { requested: 150, subscribed: 150, seeded: 150 },
    frames: 48_211,
    last_data_age: 12_000,
    message_age: 48_000,
  });
  const line = (gatherer: 'a' | 'b' | 'c', index: number): GathererStatus => {
    const seconds = (now() - startedAt) / 1_000;
    const wave = Math.sin(seconds / 9 + index) * 130 + Math.sin(seconds / 2.3 + index * 2) * 45;
    const events = Math.round(2_400_000 + seconds * 1_850 + wave * 6);
    const venue = (expected: number, connections: number) => ({
      connections,
      connected: connections,
      expected,
      bound: expected,
      proven: expected - index,
      resync_ratio: 0.01,
      counters: { resyncs: 12 + index, losses: 3, proofs: expected },
    });
    return {
      gatherer,
      epoch: 'e',
      health: { ok: true, reasons: [] },
      listed: true,
      rates: { seconds: 60, frames_per_second: 1_704 + index, events_per_second: 1_850 },
      frames: events,
      events,
      gaps_opened: 40,
      gaps_open: index,
      venues: { kalshi: venue(120_400, 10), polymarket: venue(105_200, 12) },
      stream: { backlog: Math.round(90 + wave / 4), spilled_bytes: 0 },
      connections: [
        ...Array.from({ length: 6 }, (_, part) =>
          connection('kalshi', `kalshi-book-${part + 1}`, part === 2 ? index : 0),
        ),
        ...Array.from({ length: 6 }, (_, part) => connection('polymarket', `polymarket-book-${part + 1}`, 0)),
      ],
      problems: index === 1 ? { unknown_type: 3 } : {},
      latency_ms: { p50: 41 + index, p99: 160 + index * 22 + wave / 5 },
    };
  };
  const job = (name: string, back: number, took_ms: number, output: Record<string, unknown>) => ({
    name,
    ended_at: now() - back,
    took_ms,
    runs: 812,
    failures: 0,
    error: null,
    output,
  });
  return {
    source: 'sim',
    startedAt: new Date(startedAt).toISOString(),
    lines: async () => ({ a: line('a', 0), b: line('b', 1), c: line('c', 2) }),
    jobs: () => [
      job('tape-jobs-MergeScheduleMachineE8F4888B', 1_200, 640, {
        inserted: 3_074,
        updated: 257,
        behind: false,
      }),
      job('tape-jobs-SnapshotPollScheduleMachineE7391433', 14_000, 7_900, { asked: 2_426, answered: 2_426 }),
    ],
  };
}
