import { ConditionalCheckFailedException, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { type CatalogueTable, number, readNumber, text } from './table.ts';

const PARTITION = 'budget';
/** Tokens are stored in thousandths, so that they stay integers. */
const PARTS = 1_000;
const RETRY_PAUSE_MILLIS = 20;

export interface BudgetRate {
  readonly perSecond: number;
  /** Tokens that may gather while nobody takes any. */
  readonly capacity: number;
}

interface Stored {
  readonly parts: number;
  readonly atMillis: number;
}

/**
 * One token bucket shared by every process that polls a venue, kept in the table and changed only under the
 * condition that nobody else changed it in between.
 */
export class RateBudget {
  readonly #table: CatalogueTable;
  readonly #name: string;
  readonly #rate: BudgetRate;

  constructor(table: CatalogueTable, name: string, rate: BudgetRate) {
    this.#table = table;
    this.#name = name;
    this.#rate = rate;
  }

  /**
   * Takes tokens if there are enough.
   *
   * @returns 0 when they were taken, else the milliseconds after which it is worth asking again.
   */
  async take(tokens: number, nowMillis: () => number): Promise<number> {
    const wanted = tokens * PARTS;
    for (;;) {
      const stored = await this.#read();
      const now = Math.max(nowMillis(), stored?.atMillis ?? 0);
      const available = this.#available(stored, now);
      if (available < wanted) return Math.max(1, Math.ceil((wanted - available) / this.#rate.perSecond));
      if (await this.#replace(stored, { parts: available - wanted, atMillis: now })) return 0;
      await this.#table.sleep(RETRY_PAUSE_MILLIS * this.#table.random());
    }
  }

  /** Leaves nothing for a while: the venue said that it was too much. */
  async exhaust(pauseMillis: number, nowMillis: () => number): Promise<void> {
    for (;;) {
      const stored = await this.#read();
      const now = Math.max(nowMillis(), stored?.atMillis ?? 0);
      const owed = -Math.ceil(pauseMillis * this.#rate.perSecond);
      const parts = Math.min(owed, this.#available(stored, now));
      if (await this.#replace(stored, { parts, atMillis: now })) return;
      await this.#table.sleep(RETRY_PAUSE_MILLIS * this.#table.random());
    }
  }

  /** Milliseconds times tokens per second are thousandths of a token. */
  #available(stored: Stored | null, now: number): number {
    const full = this.#rate.capacity * PARTS;
    if (stored === null) return full;
    return Math.min(full, stored.parts + Math.floor((now - stored.atMillis) * this.#rate.perSecond));
  }

  async #read(): Promise<Stored | null> {
    const { Item: item } = await this.#table.client.send(
      new GetItemCommand({ TableName: this.#table.name, Key: this.#key(), ConsistentRead: true }),
    );
    if (item === undefined) return null;
    return { parts: readNumber(item, 'parts'), atMillis: readNumber(item, 'at_millis') };
  }

  async #replace(stored: Stored | null, next: Stored): Promise<boolean> {
    try {
      await this.#table.client.send(
        new UpdateItemCommand({
          TableName: this.#table.name,
          Key: this.#key(),
          UpdateExpression: 'SET parts = :parts, at_millis = :at',
          ConditionExpression:
            stored === null ? 'attribute_not_exists(pk)' : 'parts = :old_parts AND at_millis = :old_at',
          ExpressionAttributeValues: {
            ':parts': number(next.parts),
            ':at': number(next.atMillis),
            ...(stored === null
              ? {}
              : { ':old_parts': number(stored.parts), ':old_at': number(stored.atMillis) }),
          },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  #key() {
    return { pk: text(PARTITION), sk: text(this.#name) };
  }
}
