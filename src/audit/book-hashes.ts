import type { ClientBase } from 'pg';
import type { Level, Venue } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import { MICROS_PER_SECOND, type Micros } from '../units/time.ts';
import { venueDefinition } from '../venues/registration.ts';

/** The price of a trade may be hashed into a book a tenth of a second before the trade is told. */
const TRADE_FOLLOWS = MICROS_PER_SECOND;
const PRICES_TRIED = 6;
const ONE_DOLLAR = 1_000_000;

export type HashVerdict = 'matched' | 'unmatched' | 'not_checkable';

interface Terms {
  readonly market: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly others: readonly string[];
  readonly tickSizes: readonly string[];
}

/** Holds books of the tape against the hashes that the venue gave them, one instrument at a time. */
export class BookHashes {
  readonly #client: ClientBase;
  readonly #venue: Venue;
  readonly #instrument: string;
  #terms: Terms | null | undefined;

  constructor(client: ClientBase, venue: Venue, instrument: string) {
    this.#client = client;
    this.#venue = venue;
    this.#instrument = instrument;
  }

  /** Whether the venue hashes its books at all. */
  static isGivenBy(venue: Venue): boolean {
    return venueDefinition(venue).provesBook !== undefined;
  }

  /** @param book whole, best first */
  async hold(
    book: { readonly bids: readonly Level[]; readonly asks: readonly Level[] },
    at: Micros,
    hash: string,
  ): Promise<HashVerdict> {
    if (this.#terms === undefined) this.#terms = await this.#readTerms();
    if (this.#terms === null) return 'not_checkable';
    const isProven = venueDefinition(this.#venue).provesBook?.(
      {
        ...this.#terms,
        instrument: this.#instrument,
        exchange_ts: at,
        bids: book.bids,
        asks: book.asks,
        lastTradePrices: await this.#pricesAround(this.#terms, at),
      },
      hash,
    );
    return isProven === true ? 'matched' : isProven === false ? 'unmatched' : 'not_checkable';
  }

  async #readTerms(): Promise<Terms | null> {
    const { rows } = await this.#client.query<{
      market: string;
      details: Terms['details'];
      others: string[];
    }>(
      `SELECT i.market, m.details, ARRAY(
         SELECT o.instrument FROM instruments AS o
         WHERE o.venue = i.venue AND o.market = i.market AND o.instrument <> i.instrument) AS others
       FROM instruments AS i JOIN markets AS m USING (venue, market) WHERE i.venue = $1 AND i.instrument = $2`,
      [this.#venue, this.#instrument],
    );
    const found = rows[0];
    if (found === undefined) return null;
    const changes = await this.#client.query<{ size: string | null }>(
      `SELECT DISTINCT unnest(ARRAY[details->>'old_tick_size', details->>'new_tick_size']) AS size
       FROM market_lifecycle WHERE subject = $1 AND type = 'tick_size_change' AND instruments @> ARRAY[$2]`,
      [found.market, this.#instrument],
    );
    return { ...found, tickSizes: changes.rows.flatMap(({ size }) => (size === null ? [] : [size])) };
  }

  /** Trades of the instrument, and those of its market's other one, turned round: the latest up to shortly after. */
  async #pricesAround({ others }: Terms, at: Micros): Promise<Price[]> {
    const { rows } = await this.#client.query<{ price: string }>(
      `SELECT price FROM (
         SELECT exchange_ts, CASE WHEN instrument = $1 THEN price ELSE ${ONE_DOLLAR} - price END AS price FROM trades
         WHERE venue = $2 AND instrument = ANY ($3::text[]) AND exchange_ts <= $4
         ORDER BY exchange_ts DESC LIMIT ${PRICES_TRIED}) AS latest`,
      [this.#instrument, this.#venue, [this.#instrument, ...others], at + TRADE_FOLLOWS],
    );
    return [...new Set(rows.map(({ price }) => Number(price) as Price))];
  }
}
