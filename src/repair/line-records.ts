import type { ClientBase } from 'pg';
import type { StreamLine } from '../events/captured.ts';
import { LineStore } from '../storage/line-store.ts';
import { encodeLine } from '../stream/line-encoder.ts';

/** The database of a line refused what a repair wanted to store. */
export class RepairRefused extends Error {
  override readonly name = 'RepairRefused';
}

const LINES_AT_ONCE = 500;

/** Stores lines in a line's database as its writer does, some hundred at a time. */
export class LineRecords {
  readonly #store: LineStore;
  #waiting: string[] = [];
  #number = 0;
  /** Rows that were new, by table. */
  readonly stored: Record<string, Record<string, number>> = {};

  constructor(client: ClientBase) {
    this.#store = new LineStore(client);
  }

  /** @throws RepairRefused when the database does */
  async add(line: StreamLine): Promise<void> {
    this.#waiting.push(encodeLine(line));
    if (this.#waiting.length >= LINES_AT_ONCE) await this.flush();
  }

  /** Stores what waits. @throws RepairRefused when the database does */
  async flush(): Promise<void> {
    const lines = this.#waiting.splice(0);
    if (lines.length === 0) return;
    const number = String(++this.#number);
    const record = { stream: 'repair', shard: 'repair', sequenceNumber: number, partitionKey: 'lane-0' };
    const { tables, refused, failed } = await this.#store.store([
      { ...record, data: Buffer.from(lines.join(''), 'latin1') },
    ]);
    if (failed !== null) throw new RepairRefused(failed.error.message, { cause: failed.error });
    if (refused.length > 0) throw new RepairRefused(refused[0]!.reason);
    for (const [table, { stored }] of Object.entries(tables)) {
      if (stored === 0) continue;
      this.stored[table] = { inserted: (this.stored[table]?.['inserted'] ?? 0) + stored };
    }
  }
}
