import type { WriteRequest } from '@aws-sdk/client-dynamodb';
import type { Venue } from '../events/event.ts';
import type { CatalogueMarket } from '../registry/catalogue.ts';
import { activityOf } from './activity.ts';
import {
  type CatalogueTable,
  type Item,
  itemsOf,
  number,
  readNumber,
  readText,
  readTexts,
  text,
  texts,
  writeAll,
} from './table.ts';

/** Partitions per venue, so that no single one takes all the writes of a venue. */
const SHARDS = 16;

/** An open market as the catalogue lists it. */
export interface OpenMarket {
  readonly venue: Venue;
  readonly market: string;
  readonly instruments: readonly string[];
  /** Whole power of two of the day's volume in contracts; 0 where the venue tells none. */
  readonly activity: number;
}

function shardOf(market: string): number {
  let hash = 0;
  for (let index = 0; index < market.length; index++) hash = (hash * 31 + market.charCodeAt(index)) >>> 0;
  return hash % SHARDS;
}

const partition = (venue: Venue, shard: number): string => `open#${venue}#${String(shard).padStart(2, '0')}`;
const keyOf = (venue: Venue, market: string): Item => ({
  pk: text(partition(venue, shardOf(market))),
  sk: text(market),
});

/** The markets that have an order book now, in DynamoDB. */
export class OpenMarkets {
  readonly #table: CatalogueTable;

  constructor(table: CatalogueTable) {
    this.#table = table;
  }

  /** Every open market of a venue, in no order that means anything. */
  async *list(venue: Venue): AsyncGenerator<OpenMarket> {
    for (let shard = 0; shard < SHARDS; shard++) {
      for await (const item of itemsOf(this.#table, partition(venue, shard))) {
        yield {
          venue,
          market: readText(item, 'sk'),
          instruments: readTexts(item, 'instruments'),
          activity: readNumber(item, 'activity'),
        };
      }
    }
  }

  /** Enters what is open and takes out what is not; of a market given twice the last counts. */
  async update(markets: readonly CatalogueMarket[]): Promise<void> {
    await writeAll(
      this.#table,
      markets.map((market): WriteRequest => {
        const key = keyOf(market.venue, market.market);
        if (!market.is_open) return { DeleteRequest: { Key: key } };
        return {
          PutRequest: {
            Item: {
              ...key,
              instruments: texts(market.instruments.map(({ instrument }) => instrument)),
              activity: number(activityOf(market)),
              title: text(market.title),
              status: text(market.status),
            },
          },
        };
      }),
    );
  }

  /** Takes markets out. */
  async remove(venue: Venue, markets: readonly string[]): Promise<void> {
    await writeAll(
      this.#table,
      markets.map((market) => ({ DeleteRequest: { Key: keyOf(venue, market) } })),
    );
  }
}
