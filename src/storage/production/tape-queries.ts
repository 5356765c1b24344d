import type { ClientBase } from 'pg';
import { Quality } from '../../events/captured.ts';
import { type Side, venueNames } from '../../events/event.ts';
import { type Anchor, BookRebuild, levelsFromFlat, type RebuiltBook } from '../../tape/book-rebuild.ts';
import { mergeHorizon } from '../../tape/horizon.ts';
import type { Interval } from '../../tape/intervals.ts';
import { MARKET_OVER } from '../../tape/line-account.ts';
import type { TapeRules } from '../../tape/rules.ts';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import type { Micros } from '../../units/time.ts';
import { venueDefinition } from '../../venues/registration.ts';
import { readLives } from './gap-merge.ts';
import { endsAfter } from './gaps-in-time.ts';
import { lookBack } from './looking-back.ts';
import { atOneMoment } from './one-moment.ts';
import { rowsOf } from './row-cursor.ts';
import { Conditions, eventConditions, gapConditions, type TapeFilter, timeOrder } from './tape-filter.ts';

export interface TapeTrade {
  readonly venue: string;
  readonly instrument: string;
  readonly trade_id: string;
  readonly exchange_ts: Micros;
  readonly price: Price;
  readonly size: Size;
  readonly taker_side: 'buy' | 'sell' | null;
  readonly is_block: boolean;
  readonly received_at: Micros;
  readonly quality: number;
  /** Bits: a 1, b 2, c 4. */
  readonly lines: number;
}

/** Trades in the order of venue time. */
export async function* tradesOf(client: ClientBase, filter: TapeFilter): AsyncGenerator<TapeTrade> {
  const conditions = eventConditions(filter, 'exchange_ts');
  const order = [timeOrder(filter, 'trades', 'exchange_ts', conditions), 'venue', 'trade_id'];
  conditions.addAfter(order, filter.after);
  const statement = `SELECT venue, instrument, trade_id, exchange_ts, price, size, taker_side, is_block, received_at, quality, lines
    FROM trades ${conditions.where} ORDER BY ${order.join(', ')} ${conditions.limit(filter.limit)}`;
  for await (const row of rowsOf<Record<string, never>>(client, statement, conditions.values)) {
    const number = (name: string): number => Number(row[name]);
    yield {
      ...(row as unknown as TapeTrade),
      exchange_ts: number('exchange_ts') as Micros,
      price: number('price') as Price,
      size: number('size') as Size,
      received_at: number('received_at') as Micros,
    };
  }
}

export interface TapeMarket {
  readonly venue: string;
  readonly market: string;
  readonly event: string | null;
  readonly series: string | null;
  readonly title: string;
  readonly status: string;
  readonly open_ts: Micros | null;
  readonly close_ts: Micros | null;
  readonly instruments: readonly { readonly instrument: string; readonly outcome: string }[];
}

export interface MarketFilter {
  readonly venue?: string;
  readonly market?: string;
  readonly instrument?: string;
  readonly event?: string;
  readonly series?: string;
  readonly status?: string;
  /** Markets that close at this time or later; one whose closing is not known is neither. */
  readonly closesFrom?: Micros;
  /** Markets that close before this time. */
  readonly closesTo?: Micros;
  /** Words that the title must hold, each as a beginning of a word. */
  readonly words?: readonly string[];
  readonly limit?: number;
  /** Only markets behind this one: venue and name. */
  readonly after?: readonly unknown[];
}

const microsOrNull = (value: unknown): Micros | null => (value === null ? null : (Number(value) as Micros));

/** Markets by venue and name. */
export async function* marketsOf(client: ClientBase, filter: MarketFilter): AsyncGenerator<TapeMarket> {
  const conditions = new Conditions();
  conditions.add('m.venue = ?', filter.venue);
  conditions.add('m.market = ?', filter.market);
  conditions.add('m.event = ?', filter.event);
  conditions.add('m.series = ?', filter.series);
  conditions.add('m.status = ?', filter.status);
  conditions.add('m.close_ts >= ?', filter.closesFrom);
  conditions.add('m.close_ts < ?', filter.closesTo);
  conditions.add(
    '(m.venue, m.market) IN (SELECT i.venue, i.market FROM instruments AS i WHERE i.instrument = ?)',
    filter.instrument,
  );
  const words = filter.words
    ?.filter((word) => word !== '')
    .map((word) => `'${word.replaceAll(/['\\]/g, ' ')}':*`);
  const query = words === undefined || words.length === 0 ? undefined : words.join(' & ');
  conditions.add(`to_tsvector('simple', m.title) @@ to_tsquery('simple', ?)`, query);
  conditions.addAfter(['m.venue', 'm.market'], filter.after);
  const statement = `SELECT m.venue, m.market, m.event, m.series, m.title, m.status, m.open_ts, m.close_ts,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('instrument', i.instrument, 'outcome', i.outcome) ORDER BY i.position), '[]')
       FROM instruments AS i WHERE i.venue = m.venue AND i.market = m.market) AS instruments
    FROM markets AS m ${conditions.where} ORDER BY m.venue, m.market ${conditions.limit(filter.limit)}`;
  for await (const row of rowsOf<Record<string, never>>(client, statement, conditions.values)) {
    yield {
      ...(row as unknown as TapeMarket),
      open_ts: microsOrNull(row['open_ts']),
      close_ts: microsOrNull(row['close_ts']),
    };
  }
}

export interface TapeGapRow {
  readonly line: 'tape' | 'a' | 'b' | 'c';
  readonly venue: string;
  /** `*`: every instrument of the venue. */
  readonly instrument: string;
  readonly from: Micros;
  readonly to: Micros | null;
  readonly cause: string;
  readonly causes: readonly string[];
  readonly gap_id: string;
}

export interface GapFilter extends TapeFilter {
  /** `tape` for what no line can prove, or one line's own. */
  readonly line: 'tape' | 'a' | 'b' | 'c';
}

/** Gaps that reach into the span, by begin. Those of one instrument come with those of its whole venue. */
export async function* gapsOf(client: ClientBase, filter: GapFilter): AsyncGenerator<TapeGapRow> {
  const conditions = gapConditions(filter);
  conditions.add('line = ?', filter.line);
  conditions.addAfter(['from_ts', 'venue', 'instrument', 'gap_id'], filter.after);
  const statement = `SELECT line, venue, instrument, from_ts, to_ts, cause, causes, gap_id
    FROM gaps ${conditions.where} ORDER BY gaps.from_ts, venue, instrument, gap_id ${conditions.limit(filter.limit)}`;
  for await (const row of rowsOf<Record<string, never>>(client, statement, conditions.values)) {
    yield {
      line: row['line']!,
      venue: row['venue']!,
      instrument: row['instrument']!,
      from: Number(row['from_ts']) as Micros,
      to: microsOrNull(row['to_ts']),
      cause: row['cause']!,
      causes: row['causes']!,
      gap_id: row['gap_id']!,
    };
  }
}

/**
 * Up to which venue time every running line has been merged, of one venue or, without one, of every venue that any line
 * speaks of; null when no line ever ran.
 */
export async function horizonOf(
  client: ClientBase,
  rules: TapeRules,
  venue?: string,
): Promise<Micros | null> {
  const lines = [...(await readLives(client)).values()].map((lives) => ({ lives }));
  if (venue !== undefined) return mergeHorizon(lines, rules, venue);
  const spoken = lines.flatMap(({ lives }) => lives.flatMap((life) => Object.keys(life.provenUntil ?? {})));
  const horizons = [...new Set(spoken)].map((name) => mergeHorizon(lines, rules, name));
  if (horizons.length === 0) return mergeHorizon(lines, rules, '');
  return horizons.reduce((least, next) => (least === null || next === null || next < least ? next : least));
}

/**
 * Venues without sequence numbers. A line can miss a change there and not know it yet, and its engine's book is
 * then wrong without a sign; only books that the venue itself sends are started from. Its changes are absolute, so
 * starting further back costs time and no truth.
 */
const WITHOUT_SEQUENCE: ReadonlySet<string> = new Set(
  venueNames.filter((venue) => !venueDefinition(venue).isNumbered),
);

/**
 * SQL that tells the exact books of a row of `order_book_snapshots`. Exact in venue time are only whole books of an
 * engine and books that the venue itself stamps with a time that can be believed. An engine's book counts only while a line that made it vouches for
 * it: a line can find out later that its book had been wrong, and says so by a gap of its own, which other lines'
 * proof keeps off the tape's gaps.
 */
export const EXACT_BOOK = `(order_book_snapshots.depth IS NULL
  AND ((order_book_snapshots.source = 'ws' AND order_book_snapshots.exchange_ts IS NOT NULL
      AND order_book_snapshots.quality & ${Quality.withoutVenueTime} = 0)
    OR (order_book_snapshots.source = 'engine'
      AND order_book_snapshots.venue NOT IN (${[...WITHOUT_SEQUENCE].map((venue) => `'${venue}'`).join(', ')})
      AND EXISTS (
        SELECT FROM (VALUES ('a', 1), ('b', 2), ('c', 4)) AS seen (line, bit)
        WHERE order_book_snapshots.lines & seen.bit <> 0 AND NOT EXISTS (
          SELECT FROM gaps
          WHERE gaps.line = seen.line AND gaps.venue = order_book_snapshots.venue
            AND gaps.instrument IN (order_book_snapshots.instrument, '*')
            -- Never closed, and long over where the line makes anchors again.
            AND gaps.cause <> '${MARKET_OVER}'
            AND gaps.from_ts <= order_book_snapshots.snapshot_ts
            AND ${endsAfter('gaps.to_ts', 'order_book_snapshots.snapshot_ts')})))))`;

/** The latest exact snapshot at or before a time. */
async function anchorOf(
  client: ClientBase,
  venue: string,
  instrument: string,
  at: Micros,
): Promise<Anchor | null> {
  return await lookBack(at, (from) => anchorWithin(client, venue, instrument, from, at));
}

async function anchorWithin(
  client: ClientBase,
  venue: string,
  instrument: string,
  from: number,
  at: Micros,
): Promise<Anchor | null> {
  const { rows } = await client.query<{
    snapshot_ts: string;
    source: string;
    instant_index: number;
    bids: string[];
    asks: string[];
  }>(
    `SELECT snapshot_ts, source, instant_index, bids, asks FROM order_book_snapshots
     WHERE instrument = $1 AND snapshot_ts <= $2 AND snapshot_ts >= $4 AND venue = $3 AND ${EXACT_BOOK}
     ORDER BY snapshot_ts DESC, source DESC, instant_index DESC, received_at DESC LIMIT 1`,
    [instrument, at, venue, from],
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    at: Number(row.snapshot_ts) as Micros,
    source: row.source,
    instantIndex: row.instant_index,
    bids: levelsFromFlat(row.bids),
    asks: levelsFromFlat(row.asks),
  };
}

/** Whether the tape knows the instrument at all. */
export async function knowsInstrument(
  client: ClientBase,
  venue: string,
  instrument: string,
): Promise<boolean> {
  const { rows } = await client.query<{ known: boolean }>(
    `SELECT EXISTS (SELECT FROM instruments WHERE venue = $1 AND instrument = $2)
       OR EXISTS (SELECT FROM gaps WHERE venue = $1 AND instrument = $2)
       OR EXISTS (SELECT FROM order_book_snapshots WHERE instrument = $2 AND venue = $1) AS known`,
    [venue, instrument],
  );
  return rows[0]!.known;
}

async function rebuildBook(
  client: ClientBase,
  venue: string,
  instrument: string,
  at: Micros,
  rules: TapeRules,
): Promise<RebuiltBook> {
  const anchor = await anchorOf(client, venue, instrument, at);
  const since = anchor?.at ?? at;
  const gaps: Interval[] = [];
  const span = { line: 'tape', venue, instrument, from: since, to: (at + 1) as Micros } as const;
  for await (const { from, to } of gapsOf(client, span)) gaps.push({ from, to });
  const horizon = await horizonOf(client, rules, venue);
  const rebuild = new BookRebuild({ at, anchor, gaps, horizon });
  const changes = rowsOf<{
    exchange_ts: string;
    instant_index: number;
    side: Side;
    price: string;
    amount: string;
    is_absolute: boolean;
    has_venue_time: boolean;
  }>(
    client,
    `SELECT exchange_ts, instant_index, side, price, amount, is_absolute,
       quality & ${Quality.withoutVenueTime} = 0 AS has_venue_time
     FROM order_book_deltas
     WHERE venue = $1 AND instrument = $2 AND exchange_ts >= $3 AND exchange_ts <= $4
       AND (exchange_ts <= $5 OR quality & ${Quality.withoutVenueTime} <> 0)
     ORDER BY order_book_deltas.exchange_ts, instant_index`,
    [venue, instrument, since, at + rules.arrivalAllowance, at],
  );
  if (anchor !== null) {
    for await (const row of changes) {
      rebuild.apply({
        exchangeTs: Number(row.exchange_ts) as Micros,
        instantIndex: row.instant_index,
        side: row.side,
        price: Number(row.price) as Price,
        amount: Number(row.amount) as Size,
        isAbsolute: row.is_absolute,
        hasVenueTime: row.has_venue_time,
      });
    }
  }
  return rebuild.finish();
}

/**
 * The book of an instrument at a venue time, rebuilt from the tape, and whether it is certain. All of it is read
 * at one moment: a merge that commits meanwhile could take back the anchor, or vouch for changes not read.
 */
export async function bookAt(
  client: ClientBase,
  venue: string,
  instrument: string,
  at: Micros,
  rules: TapeRules,
): Promise<RebuiltBook> {
  return await atOneMoment(client, () => rebuildBook(client, venue, instrument, at, rules));
}
