import type { ClientBase } from 'pg';
import type { RecordEnd } from '../events/captured.ts';
import type { DeliveredRecord } from './stream-records.ts';

/** The end of a record that was delivered. */
export interface DeliveredEnd {
  readonly record: DeliveredRecord;
  readonly end: RecordEnd;
}

/** Records that never came, seen by the first that came after them. */
export interface MissingRecords {
  readonly record: DeliveredRecord;
  readonly end: RecordEnd;
  /** Order of the last record of the partition that was stored before; null when none is known. */
  readonly after: number | null;
  /** Whether a gap record may be among what never came. */
  readonly mayHoldGaps: boolean;
}

const keyOf = ({ stream, partitionKey }: DeliveredRecord): string => `${stream}\n${partitionKey}`;

/** The last record of each partition of the stream that is stored, so that one that never came is noticed. */
export class RecordChain {
  #stored = new Map<string, number>();

  /** Takes up what the database knows: another writer may have stored more. */
  async load(client: ClientBase): Promise<void> {
    const { rows } = await client.query<{ key: string; last_order: string }>(
      `SELECT stream || E'\\n' || partition_key AS key, last_order::text FROM stream_positions`,
    );
    this.#stored = new Map(rows.map(({ key, last_order }) => [key, Number(last_order)]));
  }

  /** What is missing before these records. A record that is stored already proves nothing. */
  missing(delivered: readonly DeliveredEnd[]): MissingRecords[] {
    const known = new Map<string, number>();
    const result: MissingRecords[] = [];
    for (const { record, end } of [...delivered].sort((a, b) => a.end.order - b.end.order)) {
      const key = keyOf(record);
      const after = known.get(key) ?? this.#stored.get(key) ?? null;
      if (after !== null && end.order <= after) continue;
      known.set(key, end.order);
      if (end.previous === null || (after !== null && end.previous <= after)) continue;
      result.push({ record, end, after, mayHoldGaps: after === null || after < end.gap_free_since });
    }
    return result;
  }

  /** These are stored now. */
  confirm(delivered: readonly DeliveredEnd[]): void {
    for (const { record, end } of delivered) {
      const key = keyOf(record);
      this.#stored.set(key, Math.max(end.order, this.#stored.get(key) ?? end.order));
    }
  }
}
