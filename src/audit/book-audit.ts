import type { ClientBase } from 'pg';
import type { LineAccounts } from '../coverage/line-accounts.ts';
import { Quality } from '../events/captured.ts';
import type { Level, Side, Venue } from '../events/event.ts';
import { type LineName, lineBits, lineNames } from '../storage/production/merge-statements.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { levelsFromFlat } from '../tape/book-rebuild.ts';
import { endOf, type Interval, union } from '../tape/intervals.ts';
import { MARKET_OVER } from '../tape/line-account.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Price } from '../units/price.ts';
import type { Size } from '../units/size.ts';
import { MICROS_PER_SECOND, type Micros } from '../units/time.ts';
import { venueDefinition } from '../venues/registration.ts';
import { BookHashes } from './book-hashes.ts';
import { BookReplay, type BookVerdict, type LevelDifference } from './book-replay.ts';
import type { FindingLog } from './finding.ts';

export interface BookFigures {
  instruments: number;
  /** Snapshots by what the rebuilt book says of them. */
  equal: number;
  differing: number;
  /** Nothing certain to hold them against: before the first exact one, behind a gap, or a change without venue time. */
  not_comparable: number;
  /** Books without a place in venue time that are none of those shortly before; they prove nothing. */
  not_placed: number;
  /** Books of lines that have since said themselves that they were wrong. */
  taken_back: number;
  /** A book that the venue sent differs from its own changes by what trades took, which the venue does not tell as changes. */
  taken_by_trades: number;
  /**
   * Where the venue hashes its books: rebuilt ones by whether the hash stated with a book or with a change proves
   * them. One that does not match proves nothing.
   */
  hash_matched: number;
  hash_unmatched: number;
  hash_not_checkable: number;
  /** A line's own book that a venue without numbering let go wrong unnoticed; the venue's books decide there. */
  line_was_wrong: number;
}

/** Before its receive time a book that was asked for may be as old as an answer may take. */
const ASKED_BEFORE = 10 * MICROS_PER_SECOND;
/** A trade is told within so long of the book that it changed. */
const TRADE_AROUND = MICROS_PER_SECOND;
/** Changes of one instrument whose hash is looked at lie this far apart. */
const HASH_EVERY = 10 * MICROS_PER_SECOND;
const LAST_PLACE = 2_147_483_647;
const SHOWN_LEVELS = 3;

interface Sides {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

interface Row {
  readonly row: 'delta' | 'ws' | 'rest' | 'engine';
  readonly time: string;
  readonly place: number;
  readonly side: Side;
  readonly price: string;
  readonly amount: string;
  readonly is_absolute: boolean;
  readonly is_placed: boolean;
  readonly has_venue_time: boolean;
  readonly depth: number | null;
  readonly bids: string[];
  readonly asks: string[];
  readonly lines: number;
  readonly hash: string | null;
}

/** Changes and snapshots of one instrument as they came in venue time. Changes without one come as early as they may be meant. */
const rowsStatement = `
  SELECT 'delta' AS row, CASE WHEN quality & ${Quality.withoutVenueTime} = 0 THEN exchange_ts ELSE exchange_ts - $5::bigint END AS time,
    instant_index AS place, 0 AS turn, side, price, amount, is_absolute,
    quality & ${Quality.withoutVenueTime} = 0 AS is_placed, true AS has_venue_time,
    NULL::integer AS depth, NULL::bigint[] AS bids, NULL::bigint[] AS asks, lines, hash
  FROM order_book_deltas
  WHERE venue = $1 AND instrument = $2 AND exchange_ts >= $3 AND exchange_ts < $4
  UNION ALL
  SELECT source, snapshot_ts, CASE WHEN source = 'ws' AND exchange_ts IS NOT NULL THEN instant_index ELSE ${LAST_PLACE} END,
    1, NULL, NULL, NULL, NULL, true, exchange_ts IS NOT NULL AND quality & ${Quality.withoutVenueTime} = 0, depth, bids, asks, lines, hash
  FROM order_book_snapshots
  WHERE venue = $1 AND instrument = $2 AND snapshot_ts >= $3 AND snapshot_ts < $4
  ORDER BY time, turn, place`;

/**
 * Rebuilds the book of every instrument from the tape and holds it against every snapshot that the tape has: those
 * of the venue, those asked for, and those of the lines' own books. One instrument at a time, in the memory of its book.
 */
export class BookAudit {
  readonly #client: ClientBase;
  readonly #accounts: LineAccounts;
  readonly #rules: TapeRules;
  readonly #findings: FindingLog;
  readonly figures: BookFigures = {
    instruments: 0,
    equal: 0,
    differing: 0,
    not_comparable: 0,
    not_placed: 0,
    taken_back: 0,
    taken_by_trades: 0,
    hash_matched: 0,
    hash_unmatched: 0,
    hash_not_checkable: 0,
    line_was_wrong: 0,
  };

  /** @param client in a transaction of the caller, so that all is of one moment. */
  constructor(client: ClientBase, accounts: LineAccounts, rules: TapeRules, findings: FindingLog) {
    this.#client = client;
    this.#accounts = accounts;
    this.#rules = rules;
    this.#findings = findings;
  }

  async run(venue: Venue, span: { readonly from: Micros; readonly to: Micros }): Promise<void> {
    const instruments = rowsOf<{ instrument: string }>(
      this.#client,
      `SELECT DISTINCT instrument FROM order_book_snapshots
       WHERE venue = $1 AND snapshot_ts >= $2 AND snapshot_ts < $3 ORDER BY instrument`,
      [venue, span.from, span.to],
      1_000,
      'instruments_ahead',
    );
    for await (const { instrument } of instruments) await this.#instrument(venue, instrument, span);
  }

  async #instrument(
    venue: Venue,
    instrument: string,
    span: { readonly from: Micros; readonly to: Micros },
  ): Promise<void> {
    this.figures.instruments++;
    const { isNumbered } = venueDefinition(venue);
    const { accounts, tapeGaps } = await this.#accounts.of(venue);
    const gaps = await this.#accounts.gaps(venue, instrument);
    const doubts = new Map(
      accounts.map(({ line, allGaps }) => {
        const own = [...gaps.lines.get(line)!, ...allGaps].filter(({ cause }) => cause !== MARKET_OVER);
        return [line, union(own)];
      }),
    );
    const replay = new BookReplay(union([...gaps.tape, ...tapeGaps]), ASKED_BEFORE);
    const rows = rowsOf<Row & Record<string, never>>(this.#client, rowsStatement, [
      venue,
      instrument,
      span.from,
      span.to,
      this.#rules.arrivalAllowance,
    ]);
    const hashes = BookHashes.isGivenBy(venue) ? new BookHashes(this.#client, venue, instrument) : null;
    let changed: { readonly time: Micros; readonly hash: string } | null = null;
    let hashDue = 0;
    for await (const row of rows) {
      const time = Number(row.time) as Micros;
      // The book after the last change of its instant, now and then: its text costs more than all else.
      if (changed !== null && time > changed.time) {
        const levels = changed.time >= hashDue ? replay.levels(changed.time) : null;
        if (levels !== null) {
          const held = await hashes!.hold(levels, changed.time, changed.hash);
          this.figures[`hash_${held}`]++;
          if (held !== 'not_checkable') hashDue = changed.time + HASH_EVERY;
        }
        changed = null;
      }
      if (row.row === 'delta') {
        if (hashes !== null && row.hash !== null) changed = { time, hash: row.hash };
        replay.change({
          time,
          side: row.side,
          price: Number(row.price) as Price,
          amount: Number(row.amount) as Size,
          isAbsolute: row.is_absolute,
          isPlaced: row.is_placed,
          instantIndex: row.place,
        });
        continue;
      }
      const isEngine = row.row === 'engine';
      if (isEngine && !isVouchedFor(row.lines, doubts, time)) {
        this.figures.taken_back++;
        continue;
      }
      const isOfVenue = row.row === 'ws' && row.has_venue_time;
      const stated = { bids: levelsFromFlat(row.bids), asks: levelsFromFlat(row.asks) };
      const verdict = replay.snapshot({
        time,
        // The best levels of a line's book are stamped when they were taken, by the line's clock.
        isExact: (isEngine && row.depth === null) || isOfVenue,
        instantIndex: isOfVenue ? row.place : null,
        isAnchor: isOfVenue || (isEngine && isNumbered && row.depth === null),
        depth: row.depth,
        ...stated,
      });
      const held =
        hashes === null || row.hash === null || row.depth !== null || !(isOfVenue || row.row === 'rest')
          ? null
          : await this.#holdHash(hashes, stated, verdict, time, row.hash);
      if (held === 'rebuilt') {
        this.figures.differing++;
        this.#findings.add({
          kind: 'book_hash_differs',
          table: 'order_book_snapshots',
          venue,
          subject: instrument,
          time,
          detail: `the hash of the ${row.row} book proves the rebuilt one, not the one that is stored`,
        });
      } else if (verdict.verdict !== 'differs') {
        this.figures[verdict.verdict]++;
      } else if (!isNumbered && isEngine) {
        this.figures.line_was_wrong++;
      } else if (!isNumbered && (await this.#isTakenByTrades(venue, instrument, time, verdict.levels))) {
        this.figures.taken_by_trades++;
      } else {
        this.figures.differing++;
        this.#findings.add({
          kind: 'book_differs',
          table: 'order_book_snapshots',
          venue,
          subject: instrument,
          time,
          detail: `the ${row.row} book differs from the one rebuilt from ${verdict.since}: ${told(verdict.levels)}${held === 'stated' ? '; its hash proves it' : ''}`,
        });
      }
    }
  }

  /** Which book a hash that the venue stated with one of its books proves: that one, the rebuilt one, or neither. */
  async #holdHash(
    hashes: BookHashes,
    stated: Sides,
    verdict: BookVerdict,
    time: Micros,
    hash: string,
  ): Promise<'stated' | 'rebuilt' | null> {
    const ofStated = await hashes.hold(stated, time, hash);
    this.figures[`hash_${ofStated}`]++;
    if (ofStated === 'matched') return 'stated';
    if (ofStated === 'not_checkable' || verdict.verdict !== 'differs') return null;
    return (await hashes.hold(rebuiltOf(stated, verdict.levels), time, hash)) === 'matched'
      ? 'rebuilt'
      : null;
  }

  /** Whether the venue's book has less than its changes say by no more than was traded in the market just then. */
  async #isTakenByTrades(
    venue: string,
    instrument: string,
    time: Micros,
    levels: readonly LevelDifference[],
  ): Promise<boolean> {
    const taken = levels.reduce((sum, { rebuilt, stated }) => sum + (rebuilt - stated), 0);
    if (levels.some(({ rebuilt, stated }) => stated > rebuilt)) return false;
    const { rows } = await this.#client.query<{ size: string | null }>(
      `SELECT sum(size) AS size FROM trades
       WHERE venue = $1 AND exchange_ts >= $3 AND exchange_ts <= $4 AND instrument IN (
         SELECT $2 UNION SELECT other.instrument FROM instruments AS own
         JOIN instruments AS other USING (venue, market) WHERE own.venue = $1 AND own.instrument = $2)`,
      [venue, instrument, time - TRADE_AROUND, time + TRADE_AROUND],
    );
    return Number(rows[0]!.size ?? 0) >= taken;
  }
}

/** The stated book with the levels that differ as they were rebuilt. */
function rebuiltOf(stated: Sides, differences: readonly LevelDifference[]): Sides {
  const side = (name: Side, direction: 1 | -1): Level[] => {
    const levels = new Map<number, number>(name === 'bid' ? stated.bids : stated.asks);
    for (const { side: own, price, rebuilt } of differences) if (own === name) levels.set(price, rebuilt);
    return [...levels]
      .filter(([, size]) => size !== 0)
      .sort(([left], [right]) => direction * (left - right)) as unknown as Level[];
  };
  return { bids: side('bid', -1), asks: side('ask', 1) };
}

/** A line that made the book has not said since that it had been wrong. */
function isVouchedFor(
  lines: number,
  doubts: ReadonlyMap<LineName, readonly Interval[]>,
  time: Micros,
): boolean {
  return lineNames.some(
    (line) =>
      (lines & lineBits[line]) !== 0 &&
      !doubts.get(line)!.some((doubt) => doubt.from <= time && endOf(doubt) > time),
  );
}

function told(levels: readonly LevelDifference[]): string {
  const shown = levels
    .slice(0, SHOWN_LEVELS)
    .map(({ side, price, rebuilt, stated }) => `${side} ${price}: ${stated}, rebuilt ${rebuilt}`);
  const more = levels.length - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more levels` : ''}`;
}
