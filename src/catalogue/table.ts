import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  QueryCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

/** Limit of one BatchWriteItem request. */
const BATCH_WRITES = 25;
const MAX_ATTEMPTS = 10;
const FIRST_PAUSE_MILLIS = 50;
const LONGEST_PAUSE_MILLIS = 2_000;

/** What the adapters of the one DynamoDB table share: keys `pk` and `sk`, both text. */
export interface CatalogueTable {
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly sleep: (millis: number) => Promise<void>;
  /** Numbers in `[0, 1)`, for jitter. */
  readonly random: () => number;
}

/** Items could not be written, although they were tried again and again. */
export class CatalogueWriteError extends Error {
  override readonly name = 'CatalogueWriteError';
}

/** All items of a partition, ascending by `sk`, read in pages; eventually consistent. */
export async function* itemsOf(table: CatalogueTable, partition: string): AsyncGenerator<Item> {
  let start: Item | undefined;
  do {
    const page = await table.client.send(
      new QueryCommand({
        TableName: table.name,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: partition } },
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

/**
 * Writes and deletes in batches. What the service leaves undone is sent again after a growing pause. Of two
 * requests for the same key only the last is sent, because one batch may not hold both.
 *
 * @throws CatalogueWriteError when the service keeps leaving items undone.
 */
export async function writeAll(table: CatalogueTable, requests: readonly WriteRequest[]): Promise<void> {
  const latest = new Map<string, WriteRequest>();
  for (const request of requests) {
    const key = request.PutRequest?.Item ?? request.DeleteRequest?.Key;
    latest.set(`${key?.['pk']?.S}\n${key?.['sk']?.S}`, request);
  }
  const all = [...latest.values()];
  for (let start = 0; start < all.length; start += BATCH_WRITES) {
    let left = all.slice(start, start + BATCH_WRITES);
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === MAX_ATTEMPTS) {
        throw new CatalogueWriteError(
          `${left.length} items were refused ${MAX_ATTEMPTS} times by ${table.name}`,
        );
      }
      if (attempt > 0) {
        const pause = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS * 2 ** attempt);
        await table.sleep(pause * table.random());
      }
      const answer = await table.client.send(
        new BatchWriteItemCommand({ RequestItems: { [table.name]: left } }),
      );
      left = answer.UnprocessedItems?.[table.name] ?? [];
    }
  }
}

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });
export const texts = (values: readonly string[]): AttributeValue => ({ L: values.map(text) });

/** @throws when the attribute is not a text. */
export function readText(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined)
    throw new Error(`catalogue item ${item['pk']?.S}/${item['sk']?.S} has no text ${name}`);
  return value;
}

/** @throws when the attribute is not a number. */
export function readNumber(item: Item, name: string): number {
  const value = Number(item[name]?.N ?? Number.NaN);
  if (Number.isNaN(value)) {
    throw new Error(`catalogue item ${item['pk']?.S}/${item['sk']?.S} has no number ${name}`);
  }
  return value;
}

/** The texts of a list; none when the attribute is absent. */
export function readTexts(item: Item, name: string): string[] {
  return (item[name]?.L ?? []).flatMap((value) => (value.S === undefined ? [] : [value.S]));
}
