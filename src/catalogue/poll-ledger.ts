import { GetItemCommand, UpdateItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import type { Venue } from '../events/event.ts';
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

/** Instruments that one request asks for. */
export interface PollChunk {
  readonly venue: Venue;
  /** Run and position, unique per venue. */
  readonly id: string;
  readonly instruments: readonly string[];
}

/** What is known of a chunk of some run. */
export interface PollRecord extends PollChunk {
  /** Wall clock in milliseconds. */
  readonly plannedMillis: number;
  /** Null until the poll was made. */
  readonly polledMillis: number | null;
  /** Books that came back. */
  readonly answered: number;
}

const partition = (venue: Venue): string => `poll#${venue}`;
const keyOf = (venue: Venue, id: string): Item => ({ pk: text(partition(venue)), sk: text(id) });

function recordOf(venue: Venue, item: Item): PollRecord {
  const polled = readNumber(item, 'polled_millis');
  return {
    venue,
    id: readText(item, 'sk'),
    instruments: readTexts(item, 'instruments'),
    plannedMillis: readNumber(item, 'planned_millis'),
    polledMillis: polled === 0 ? null : polled,
    answered: readNumber(item, 'answered'),
  };
}

/**
 * Which instruments were polled when, kept per chunk: one write a request instead of one an instrument. The
 * chunks of old runs are kept as long as they are the latest word on any instrument that is still open.
 */
export class PollLedger {
  readonly #table: CatalogueTable;

  constructor(table: CatalogueTable) {
    this.#table = table;
  }

  async plan(chunks: readonly PollChunk[], nowMillis: number): Promise<void> {
    await writeAll(
      this.#table,
      chunks.map(
        (chunk): WriteRequest => ({
          PutRequest: {
            Item: {
              ...keyOf(chunk.venue, chunk.id),
              instruments: texts(chunk.instruments),
              planned_millis: number(nowMillis),
              polled_millis: number(0),
              answered: number(0),
            },
          },
        }),
      ),
    );
  }

  async *records(venue: Venue): AsyncGenerator<PollRecord> {
    for await (const item of itemsOf(this.#table, partition(venue))) yield recordOf(venue, item);
  }

  /** One record, as it is now; null when there is none. */
  async record(venue: Venue, id: string): Promise<PollRecord | null> {
    const { Item: item } = await this.#table.client.send(
      new GetItemCommand({ TableName: this.#table.name, Key: keyOf(venue, id), ConsistentRead: true }),
    );
    return item === undefined ? null : recordOf(venue, item);
  }

  async done(venue: Venue, id: string, nowMillis: number, answered: number): Promise<void> {
    await this.#table.client.send(
      new UpdateItemCommand({
        TableName: this.#table.name,
        Key: keyOf(venue, id),
        UpdateExpression: 'SET polled_millis = :now, answered = :answered',
        ExpressionAttributeValues: { ':now': number(nowMillis), ':answered': number(answered) },
      }),
    );
  }

  async forget(venue: Venue, ids: readonly string[]): Promise<void> {
    await writeAll(
      this.#table,
      ids.map((id) => ({ DeleteRequest: { Key: keyOf(venue, id) } })),
    );
  }
}
