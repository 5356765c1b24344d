import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { segmentKey } from '#src/archive/segment-name.ts';
import { type AuditedLines, type AuditReport, auditTape } from '#src/audit/audit.ts';
import { hashKey } from '#src/events/identity.ts';
import type { LineName } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { todaysBookHash, todaysHashText } from '#src/venues/polymarket/book-hash.ts';
import type { World } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';
import { BEGIN, goodTape, SECOND } from './good-tape.ts';

const databases = useDatabases();
const at = (seconds: number): number => BEGIN + seconds * SECOND;
const unreachable: AuditedLines = { a: 'not asked', b: 'not asked', c: 'not asked' };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function audit(made: World, raw?: DirectoryObjectStore): Promise<AuditReport> {
  const span = { from: BEGIN as Micros, to: at(60) as Micros, rules: defaultRules, examples: 10 };
  return await auditTape(made.production, unreachable, { ...span, ...(raw === undefined ? {} : { raw }) });
}

async function damaged<T>(made: World, sql: string, look: () => Promise<T>): Promise<T> {
  await made.production.query('BEGIN');
  try {
    const { rowCount } = await made.production.query(sql);
    if (rowCount === 0) throw new Error(`damaged nothing: ${sql}`);
    return await look();
  } finally {
    await made.production.query('ROLLBACK');
  }
}

const tradeFrame = (id: string, instrument: string, seconds: number): string =>
  JSON.stringify({
    type: 'trade',
    sid: 1,
    seq: 1,
    msg: {
      trade_id: id,
      market_ticker: instrument,
      yes_price_dollars: '0.4000',
      no_price_dollars: '0.6000',
      count_fp: '1.00',
      taker_side: 'yes',
      taker_outcome_side: 'yes',
      taker_book_side: 'bid',
      is_block_trade: false,
      ts: Math.floor(at(seconds) / SECOND),
      ts_ms: at(seconds) / 1_000,
    },
  });
const deltaFrame = (instrument: string, seconds: number, seq = 1): string =>
  JSON.stringify({
    type: 'orderbook_delta',
    sid: 2,
    seq,
    msg: {
      market_ticker: instrument,
      market_id: 'm',
      price_dollars: '0.4000',
      delta_fp: '-2.00',
      side: 'yes',
      ts: new Date(at(seconds) / 1_000).toISOString(),
      ts_ms: at(seconds) / 1_000,
    },
  });
const subscribe = JSON.stringify({
  id: 1,
  cmd: 'subscribe',
  params: { channels: ['orderbook_delta'], market_tickers: ['K1'], use_yes_price: true },
});

/** Raw recordings of lines: of each, what was received and sent, with the second. */
async function recorded(
  recordings: Partial<Record<LineName, readonly (readonly [seconds: number, text: string, kind?: 'sent'])[]>>,
): Promise<DirectoryObjectStore> {
  const folder = mkdtempSync(join(tmpdir(), 'raw-'));
  folders.push(folder);
  const store = new DirectoryObjectStore(folder);
  for (const [line, entries] of Object.entries(recordings)) {
    const text = entries
      .map(([seconds, frame, kind]) =>
        JSON.stringify({ t: at(seconds) + 5_000, conn: 'kalshi-book-1#1', [kind ?? 'frame']: frame }),
      )
      .join('\n');
    const name = { group: 'kalshi-book', start: at(entries[0]![0]) as Micros, epoch: 'e1' };
    await store.put(segmentKey('kalshi', line as LineName, name), zstdCompressSync(`${text}\n`));
  }
  return store;
}

describe('the audit of raw recordings', () => {
  it('passes what is on the tape or in a gap, and finds what was received and is nowhere', async () => {
    const made = await goodTape(databases);
    const good = await recorded({
      a: [
        [1, subscribe, 'sent'],
        [2, deltaFrame('K1', 2)],
        [4, tradeFrame('k-1', 'K1', 4)],
        [24, tradeFrame('k-7', 'K2', 24)],
      ],
      c: [[4, tradeFrame('k-1', 'K1', 4)]],
    });
    const report = await audit(made, good);
    expect(report.examples).toEqual([]);
    expect(report.raw).toMatchObject({
      a: { segments: 1, frames: 3, events: 3, on_tape: 2, lost_in_gap: 1, unreadable: 0 },
      b: { segments: 0 },
      c: { events: 1, on_tape: 1, not_stored_in_gap: 1 },
    });

    const unheard = await audit(made, await recorded({ b: [[10, tradeFrame('k-9', 'K1', 10)]] }));
    expect(unheard).toMatchObject({ ok: false, findings: { raw_lost: 1 } });
    expect(unheard.examples[0]).toMatchObject({
      table: 'raw frames of line b',
      subject: 'K1',
      time: at(10),
      detail: expect.stringMatching(/^trade received at .*, not on the tape: .*"k-9"/),
    });

    const remove = `DELETE FROM order_book_deltas WHERE instrument = 'K1' AND exchange_ts = ${at(2)}`;
    const removed = await damaged(made, remove, () => audit(made, good));
    expect(removed.findings['raw_lost']).toBe(1);

    const forget = `DELETE FROM gaps WHERE gap_id = 'c:e1:4'`;
    const forgotten = await damaged(made, forget, () => audit(made, good));
    expect(forgotten.findings).toMatchObject({ raw_not_stored: 1, missed_undeclared: 1 });

    // Nothing says in whose prices these books are.
    const unclear = await recorded({ a: [[2, deltaFrame('K1', 30)]] });
    const cut = zstdCompressSync(`{"t":${at(5)},"conn":"c","frame":"{}"}\n`.repeat(50)).subarray(0, 20);
    const name = { group: 'kalshi-book', start: at(5) as Micros, epoch: 'e1' };
    await unclear.put(segmentKey('kalshi', 'b', name), cut);
    expect(await audit(made, unclear)).toMatchObject({
      ok: true,
      raw: { a: { events: 0, convention_unknown: 1 }, b: { unreadable: 1 } },
    });
  });
});

describe('equal changes of one instant in raw recordings', () => {
  it('are each of them looked for on the tape, but for what one frame brought twice', async () => {
    const made = await goodTape(databases);
    const twice = await recorded({
      a: [
        [1, subscribe, 'sent'],
        [2, deltaFrame('K1', 2, 1)],
        [2, deltaFrame('K1', 2, 1)],
      ],
    });
    expect(await audit(made, twice)).toMatchObject({ ok: true, raw: { a: { on_tape: 2 } } });
    const again = await recorded({
      a: [
        [1, subscribe, 'sent'],
        [2, deltaFrame('K1', 2, 1)],
        [2, deltaFrame('K1', 2, 2)],
      ],
    });
    expect(await audit(made, again)).toMatchObject({
      findings: { raw_lost: 1 },
      raw: { a: { events: 2, on_tape: 1 } },
    });
    const second = `INSERT INTO order_book_deltas SELECT (jsonb_populate_record(d, '{"occurrence": 1}')).*
      FROM order_book_deltas AS d WHERE instrument = 'K1' AND exchange_ts = ${at(2)}`;
    const whole = await damaged(made, second, () => audit(made, again));
    expect(whole.findings['raw_lost']).toBeUndefined();
  });
});

describe('the audit of the hashes of books', () => {
  const TERMS = { min_order_size: '5', tick_size: '0.01', neg_risk: false };
  const hashOf = (seconds: number, bids: readonly (readonly [price: string, size: string])[]): string =>
    todaysBookHash(
      todaysHashText(
        {
          market: 'M1',
          asset_id: 'P1',
          timestamp: String(at(seconds) / 1_000),
          bids: bids.map(([price, size]) => ({ price, size })),
          asks: [],
        },
        TERMS,
      ),
      '0.4',
    );

  /** The good tape with a catalogue, and with the venue's hashes of the book of second 8 and of the last change. */
  async function hashedTape(): Promise<World> {
    const made = await goodTape(databases);
    const book = hashOf(8, [
      ['0.4', '2'],
      ['0.41', '9'],
    ]);
    const change = hashOf(6, [
      ['0.4', '2'],
      ['0.41', '9'],
    ]);
    const details = { orderMinSize: 5, orderPriceMinTickSize: 0.01, negRisk: false };
    await made.production.query(
      `INSERT INTO markets (venue, market, title, status, details, updated_at)
       VALUES ('polymarket', 'M1', 't', 'open', '${JSON.stringify(details)}', 1);
       INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at)
       VALUES ('polymarket', 'P1', 'M1', 'Yes', 0, 1);
       UPDATE order_book_snapshots SET hash = '${book}', hash_key = ${hashKey(book)}
       WHERE instrument = 'P1' AND snapshot_ts = ${at(8)};
       UPDATE order_book_deltas SET hash = '${change}', hash_key = ${hashKey(change)}
       WHERE instrument = 'P1' AND exchange_ts = ${at(6)} AND instant_index = 1`,
    );
    return made;
  }

  it('proves told and rebuilt books, and finds which of the two was altered', async () => {
    const made = await hashedTape();
    const report = await audit(made);
    expect(report.examples).toEqual([]);
    expect(report.venues['polymarket']!.books).toMatchObject({ hash_matched: 2 });

    const shrink = `UPDATE order_book_snapshots SET bids[2] = bids[2] - 1000000 WHERE instrument = 'P1' AND snapshot_ts = ${at(8)}`;
    const shrunk = await damaged(made, shrink, () => audit(made));
    expect(shrunk.examples).toEqual([
      expect.objectContaining({ kind: 'book_hash_differs', subject: 'P1', time: at(8) }),
    ]);

    const alter = `UPDATE order_book_deltas SET amount = amount - 1 WHERE instrument = 'P1' AND exchange_ts = ${at(6)} AND instant_index = 1`;
    const altered = await damaged(made, alter, () => audit(made));
    expect(altered.examples).toContainEqual(
      expect.objectContaining({
        kind: 'book_differs',
        detail: expect.stringMatching(/; its hash proves it$/),
      }),
    );
    expect(altered.venues['polymarket']!.books).toMatchObject({ hash_matched: 1, hash_unmatched: 2 });
  });
});
