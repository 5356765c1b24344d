import { ConditionalCheckFailedException, DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type CatalogueTable, number, text } from './table.ts';

const PARTITION = 'lease';

/** Exclusive right to do something for a while, held by name. It ends by itself when its holder dies. */
export class Lease {
  readonly #table: CatalogueTable;
  readonly #name: string;
  readonly #holder: string;

  /** @param holder who asks: unique per attempt, such as a request id. */
  constructor(table: CatalogueTable, name: string, holder: string) {
    this.#table = table;
    this.#name = name;
    this.#holder = holder;
  }

  /**
   * Takes the lease, or prolongs it for its holder.
   *
   * @param nowMillis wall clock in milliseconds; clocks of holders may differ by less than `lifeMillis`.
   * @returns false when somebody else holds it.
   */
  async acquire(nowMillis: number, lifeMillis: number): Promise<boolean> {
    try {
      await this.#table.client.send(
        new PutItemCommand({
          TableName: this.#table.name,
          Item: {
            pk: text(PARTITION),
            sk: text(this.#name),
            holder: text(this.#holder),
            until_millis: number(nowMillis + lifeMillis),
          },
          ConditionExpression: 'attribute_not_exists(pk) OR holder = :holder OR until_millis <= :now',
          ExpressionAttributeValues: { ':holder': text(this.#holder), ':now': number(nowMillis) },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** Gives it back; does nothing when somebody else has it by now. */
  async release(): Promise<void> {
    try {
      await this.#table.client.send(
        new DeleteItemCommand({
          TableName: this.#table.name,
          Key: { pk: text(PARTITION), sk: text(this.#name) },
          ConditionExpression: 'holder = :holder',
          ExpressionAttributeValues: { ':holder': text(this.#holder) },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}
