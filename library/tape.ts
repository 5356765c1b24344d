import pg from 'pg';
import type { Venue } from '#src/events/event.ts';
import { candlesOf } from '#src/storage/production/candle-query.ts';
import { deltasOf, type TapeDelta } from '#src/storage/production/change-queries.ts';
import type { TapeFilter } from '#src/storage/production/tape-filter.ts';
import { bookAt, type TapeTrade, tradesOf } from '#src/storage/production/tape-queries.ts';
import type { RebuiltBook } from '#src/tape/book-rebuild.ts';
import type { CandleWidth, EmptyBuckets, JudgedCandle } from '#src/tape/candles.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';

/** Which rows; what is absent lets everything through. Times are the venue's, `from` included, `to` not. */
export interface TapeQuery extends Omit<TapeFilter, 'venue' | 'after'> {
  readonly venue?: Venue;
}

export interface CandleQuery extends TapeQuery {
  readonly width: CandleWidth;
  /** Of trades, or of the mids of proven books; of trades when absent. */
  readonly of?: 'trades' | 'mids';
  /** What becomes of buckets without a price; they are left out when absent. */
  readonly empty?: EmptyBuckets;
}

/**
 * A tape in a database. Queries stream: a loop holds a few thousand rows, and ends the query when it is left. One query
 * at a time on one of these.
 */
export class Tape {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @param url PostgreSQL's, of the production database. @throws the driver's error where it does not answer */
  static async open(url: string): Promise<Tape> {
    const client = new pg.Client({ connectionString: url, application_name: 'tape library' });
    client.on('error', () => {});
    await client.connect();
    return new Tape(client);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The book at a venue time, and whether it is the venue's for certain; `reasons` say why not. */
  bookAt(venue: Venue, instrument: string, at: Micros): Promise<RebuiltBook> {
    return bookAt(this.#client, venue, instrument, at, defaultRules);
  }

  /** By venue, instrument and time; `complete` where nothing of the bucket can be missing. */
  candles(query: CandleQuery): AsyncGenerator<JudgedCandle> {
    return candlesOf(this.#client, { of: 'trades', empty: 'skip', ...query }, defaultRules);
  }

  /** In the order of venue time. */
  trades(query: TapeQuery = {}): AsyncGenerator<TapeTrade> {
    return tradesOf(this.#client, query);
  }

  /** Changes of books in the order of venue time. */
  deltas(query: TapeQuery = {}): AsyncGenerator<TapeDelta> {
    return deltasOf(this.#client, query);
  }
}
