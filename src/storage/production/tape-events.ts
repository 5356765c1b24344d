import type { ClientBase } from 'pg';
import { OrderBook } from '../../book/order-book.ts';
import { Quality } from '../../events/captured.ts';
import type { BookSnapshotEvent, LifecycleEvent, MarketEvent, Side, Venue } from '../../events/event.ts';
import { levelsFromFlat } from '../../tape/book-rebuild.ts';
import { MARKET_OVER } from '../../tape/line-account.ts';
import type { TapeRules } from '../../tape/rules.ts';
import type { Price } from '../../units/price.ts';
import type { Size } from '../../units/size.ts';
import { MICROS_PER_DAY, type Micros } from '../../units/time.ts';
import { venueDefinition } from '../../venues/registration.ts';
import { atOneMoment } from './one-moment.ts';
import { rowsOf } from './row-cursor.ts';
import { addAnnouncementConditions, eventConditions, type TapeFilter } from './tape-filter.ts';
import { bookAt, EXACT_BOOK } from './tape-queries.ts';

export interface EventSpan extends Omit<TapeFilter, 'limit' | 'after'> {
  readonly from: Micros;
  readonly to: Micros;
}

interface EventRow {
  readonly kind: 'lifecycle' | 'trade' | 'book_delta' | 'book_snapshot' | 'ticker';
  readonly venue: Venue;
  readonly subject: string;
  readonly at: string;
  readonly received_at: string;
  readonly quality: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Where nothing says what came first at one instant of an instrument: trades before the changes they make, books of
 * the venue among the changes by the count of those they hold, books of an engine behind them.
 */
interface Source {
  readonly kind: EventRow['kind'];
  readonly table: string;
  readonly time: string;
  readonly subject: string;
  readonly rank: string;
  readonly place: string;
  readonly tie: string;
  readonly only: string;
  readonly body: readonly string[];
}

/**
 * SQL that tells of a change or tick without venue time whether its line is the one whose view is taken: every line that saw
 * it has a row of its own, at its own receive time, and nothing says which rows are one event. That line is the first that
 * had expected the instrument and has no gap then; where there is none, one that runs; one event after another.
 */
const oneView = (table: string, time: string): string => `(
  ${table}.quality & ${Quality.withoutVenueTime} = 0 OR ${table}.lines & (
    SELECT seen.bit FROM (VALUES ('a', 1), ('b', 2), ('c', 4)) AS seen (line, bit)
    CROSS JOIN LATERAL (
      SELECT coalesce(bool_or(g.cause IN ('startup', 'not_subscribed')), false) AS expects,
        coalesce(bool_or(g.lasts), false) AS is_in_gap, coalesce(bool_or(g.lasts AND g.cause = 'line_down'), false) AS is_down
      FROM (
        SELECT gaps.cause, gaps.cause <> '${MARKET_OVER}' AND (gaps.to_ts IS NULL OR gaps.to_ts > ${table}.${time}) AS lasts
        FROM gaps
        WHERE gaps.line = seen.line AND gaps.venue = ${table}.venue AND gaps.instrument IN (${table}.instrument, '*')
          AND gaps.from_ts <= ${table}.${time}) AS g
    ) AS known
    ORDER BY known.expects AND NOT known.is_in_gap DESC, known.expects AND NOT known.is_down DESC, known.is_down, seen.bit
    LIMIT 1
  ) <> 0)`;

const SOURCES: readonly Source[] = [
  {
    ...{ kind: 'lifecycle', table: 'market_lifecycle', time: 'at', subject: 'subject' },
    ...{ rank: '0', place: '0', tie: 'content_key::text', only: 'true' },
    body: ['is_event', 'instruments', 'type', 'status', 'details', 'exchange_ts'],
  },
  {
    ...{ kind: 'trade', table: 'trades', time: 'exchange_ts', subject: 'instrument' },
    ...{ rank: '1', place: '0', tie: 'trade_id', only: 'true' },
    body: ['trade_id', 'price', 'size', 'taker_side', 'is_block'],
  },
  {
    ...{ kind: 'book_snapshot', table: 'order_book_snapshots', time: 'snapshot_ts', subject: 'instrument' },
    rank: `CASE source WHEN 'ws' THEN 2 ELSE 3 END`,
    ...{ place: 'instant_index * 2', tie: 'hash_key::text', only: EXACT_BOOK },
    body: ['bids', 'asks', 'hash', 'source'],
  },
  {
    ...{ kind: 'book_delta', table: 'order_book_deltas', time: 'exchange_ts', subject: 'instrument' },
    ...{ rank: '2', place: 'instant_index * 2 + 1', only: oneView('order_book_deltas', 'exchange_ts') },
    tie: `side || price || ' ' || amount || ' ' || hash_key || ' ' || occurrence`,
    body: ['side', 'price', 'amount', 'is_absolute', 'hash'],
  },
  {
    ...{ kind: 'ticker', table: 'tickers', time: 'exchange_ts', subject: 'instrument' },
    ...{ rank: '4', place: '0', tie: 'content_key::text', only: oneView('tickers', 'exchange_ts') },
    body: ['bid', 'ask', 'bid_size', 'ask_size', 'last', 'volume', 'open_interest'],
  },
];

function statementOf(filter: EventSpan): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const selects = SOURCES.map(({ kind, table, time, subject, rank, place, tie, only, body }) => {
    const hasInstrument = subject === 'instrument';
    const conditions = eventConditions(hasInstrument ? filter : { from: filter.from, to: filter.to }, time);
    if (!hasInstrument) {
      conditions.add('venue = ?', filter.venue);
      conditions.add('(? = subject OR ? = ANY (instruments))', filter.instrument);
      addAnnouncementConditions(conditions, filter);
    }
    const shift = values.length;
    values.push(...conditions.values);
    const where = conditions.where.replaceAll(/\$(\d+)/g, (_, number) => `$${Number(number) + shift}`);
    const fields = body.map((name) => `'${name}', ${name}`).join(', ');
    return `SELECT '${kind}' AS kind, venue, ${subject} AS subject, ${time} AS at, received_at, quality,
        ${rank} AS rank, ${place} AS place, ${tie} AS tie, jsonb_build_object(${fields}) AS body
      FROM ${table} ${where} AND ${only}`;
  });
  return {
    text: `SELECT kind, venue, subject, at, received_at, quality, body FROM (${selects.join(' UNION ALL ')}) AS e
      ORDER BY at, venue, subject COLLATE "C", rank, place, tie COLLATE "C"`,
    values,
  };
}

const levels = (body: EventRow['body'], side: 'bids' | 'asks') => levelsFromFlat(body[side] as number[]);

/** A row as the event that it was; `exchange_ts` is null where the venue gave none. */
function eventOf({ kind, venue, subject, at, received_at, quality, body }: EventRow): MarketEvent {
  const observed = { venue, received_at: Number(received_at) as Micros };
  const time = Number(at) as Micros;
  const exchange_ts = (quality & Quality.withoutVenueTime) === 0 ? time : null;
  const { hash } = body as { hash?: string | null };
  const hashed = hash === null || hash === undefined ? {} : { hash };
  switch (kind) {
    case 'lifecycle': {
      const { is_event, instruments, type, status, details } = body as unknown as LifecycleEvent & {
        is_event: boolean;
      };
      return {
        ...{
          kind,
          ...observed,
          ...(is_event ? { event: subject } : { market: subject }),
          instruments,
          type,
          details,
        },
        ...(status === null || status === undefined ? {} : { status }),
        exchange_ts: body['exchange_ts'] as Micros | null,
      };
    }
    case 'trade':
      return { kind, ...observed, instrument: subject, exchange_ts, ...(body as object) } as MarketEvent;
    case 'ticker':
      return { kind, ...observed, instrument: subject, ...(body as object), exchange_ts } as MarketEvent;
    case 'book_snapshot': {
      const isStamped = body['source'] === 'ws';
      return {
        ...{ kind, ...observed, instrument: subject, source: body['source'] as 'ws' | 'engine' },
        ...{ bids: levels(body, 'bids'), asks: levels(body, 'asks'), snapshot_ts: time },
        ...{ exchange_ts: isStamped ? time : null, ...hashed },
      };
    }
    case 'book_delta': {
      const side = body['side'] as Side;
      const price = body['price'] as Price;
      const amount = body['amount'] as Size;
      const base = { kind, ...observed, instrument: subject, side, price, exchange_ts, ...hashed };
      return body['is_absolute'] === true ? { ...base, size: amount } : { ...base, change: amount };
    }
  }
}

/**
 * Everything on the tape of a span of venue time, one event after another as the venues would tell them, in an order
 * that follows from the rows alone. Instruments with anything in the span begin with their books as they were; books
 * of lines are given only where a book is not yet known or was wrong, as after a gap.
 */
export class TapeEvents {
  readonly #client: ClientBase;
  readonly #span: EventSpan;
  readonly #rules: TapeRules;
  /** Of venues with signed changes: what the events so far make of the books. */
  readonly #books = new Map<string, OrderBook>();
  #step = 0;

  constructor(client: ClientBase, span: EventSpan, rules: TapeRules) {
    this.#client = client;
    this.#span = span;
    this.#rules = rules;
  }

  /** Hands over every event, all of them read at one moment. */
  async each(take: (event: MarketEvent) => void | Promise<void>): Promise<void> {
    await atOneMoment(this.#client, async () => {
      for await (const event of this.#openings()) await take(event);
      const { from, to } = this.#span;
      for (let day = from - (from % MICROS_PER_DAY); day < to; day += MICROS_PER_DAY) {
        const part = {
          from: Math.max(from, day) as Micros,
          to: Math.min(to, day + MICROS_PER_DAY) as Micros,
        };
        const { text, values } = statementOf({ ...this.#span, ...part });
        const rows = rowsOf<EventRow & Record<string, unknown>>(this.#client, text, values);
        for await (const row of rows) {
          const event = eventOf(row);
          if (this.#isNews(event)) await take(event);
        }
      }
    });
  }

  async *#openings(): AsyncGenerator<BookSnapshotEvent> {
    const { from } = this.#span;
    const before = (from - 1) as Micros;
    for (const { venue, instrument } of await this.#instruments()) {
      const { anchor, bids, asks } = await bookAt(this.#client, venue, instrument, before, this.#rules);
      if (anchor === null) continue;
      const isStamped = !venueDefinition(venue).isNumbered;
      const opening: BookSnapshotEvent = {
        ...{
          kind: 'book_snapshot',
          venue,
          received_at: from,
          instrument,
          source: isStamped ? 'ws' : 'engine',
        },
        ...{ bids, asks, snapshot_ts: before, exchange_ts: isStamped ? before : null },
      };
      this.#isNews(opening);
      yield opening;
    }
  }

  async #instruments(): Promise<{ venue: Venue; instrument: string }[]> {
    const conditions = eventConditions(this.#span, 'exchange_ts');
    const { rows } = await this.#client.query<{ venue: Venue; instrument: string }>(
      `SELECT venue, instrument FROM (
         SELECT venue, instrument FROM order_book_deltas ${conditions.where}
         UNION SELECT venue, instrument FROM trades ${conditions.where}) AS found
       ORDER BY venue, instrument COLLATE "C"`,
      conditions.values,
    );
    return rows;
  }

  #isNews(event: MarketEvent): boolean {
    if (event.kind === 'book_delta' && event.change !== undefined) {
      this.#books.get(event.instrument)?.change(event.side, event.price, event.change, ++this.#step);
    } else if (event.kind === 'book_snapshot' && event.source === 'engine') {
      const book = this.#books.get(event.instrument);
      if (book?.equals(event.bids, event.asks) === true) return false;
      const fresh = book ?? new OrderBook();
      this.#books.set(event.instrument, fresh);
      fresh.replace(event.bids, event.asks, ++this.#step);
    }
    return true;
  }
}

/** The market that the catalogue of the tape has for each instrument. */
export async function marketsOfInstruments(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ instrument: string; market: string }>(
    'SELECT instrument, market FROM instruments',
  );
  return new Map(rows.map(({ instrument, market }) => [instrument, market]));
}
