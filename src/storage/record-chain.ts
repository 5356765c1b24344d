import type { ClientBase } from 'pg';
import type { TimeSpan } from '../events/captured.ts';
import type { ReadEnd } from './delivered-end.ts';
import type { DeliveredRecord } from './stream-records.ts';

/** The end of a record that was delivered. */
export interface DeliveredEnd {
  readonly record: DeliveredRecord;
  readonly end: ReadEnd;
}

/** Records that never came, seen by the first that came after them. */
export interface MissingRecords {
  readonly record: DeliveredRecord;
  readonly end: ReadEnd;
  /** Order of the last record of the partition and life that was stored before; null when none is known. */
  readonly after: number | null;
  /** Whether a gap record may be among what never came. */
  readonly mayHoldGaps: boolean;
  /** Times of the events in it; null when it had none, absent where that is not known. */
  readonly events?: TimeSpan | null;
}

type Place = Pick<DeliveredRecord, 'stream' | 'partitionKey'>;

const partitionOf = ({ stream, partitionKey }: Place): string => `${stream}\n${partitionKey}`;
const keyOf = ({ record, end }: DeliveredEnd): string => `${partitionOf(record)}\n${end.epoch}`;

/**
 * The last record of each partition of the stream and each life of the line that is stored, so that one that never came
 * is noticed. Each life has a chain of its own: its orders begin with a clock that may have been set back.
 */
export class RecordChain {
  #stored = new Map<string, number>();
  #partitions = new Set<string>();

  /** Takes up what the database knows: another writer may have stored more. */
  async load(client: ClientBase): Promise<void> {
    const { rows } = await client.query<{ partition: string; epoch: string; last_order: string }>(
      `SELECT stream || E'\\n' || partition_key AS partition, epoch, last_order::text FROM stream_positions`,
    );
    this.#stored = new Map(
      rows.map(({ partition, epoch, last_order }) => [`${partition}\n${epoch}`, Number(last_order)]),
    );
    this.#partitions = new Set(rows.map(({ partition }) => partition));
  }

  /** Whether the records of this partition end with lines that tell of the ones before. */
  isChained(place: Place): boolean {
    return this.#partitions.has(partitionOf(place));
  }

  isStored(delivered: DeliveredEnd): boolean {
    const stored = this.#stored.get(keyOf(delivered));
    return stored !== undefined && delivered.end.order <= stored;
  }

  /** What is missing before these records. A record that is stored already proves nothing. */
  missing(delivered: readonly DeliveredEnd[]): MissingRecords[] {
    const known = new Map<string, number>();
    const result: MissingRecords[] = [];
    for (const item of [...delivered].sort((a, b) => a.end.order - b.end.order)) {
      const { record, end } = item;
      const key = keyOf(item);
      const after = known.get(key) ?? this.#stored.get(key) ?? null;
      if (after !== null && end.order <= after) continue;
      known.set(key, end.order);
      const { previous, before, gap_free_since } = end;
      if (previous === null || (after !== null && previous <= after)) continue;
      const isSingle = before !== null && before.previous === after;
      const mayHoldGaps = isSingle ? previous <= gap_free_since : after === null || after < gap_free_since;
      const events = isSingle && before.events !== undefined ? { events: before.events } : {};
      result.push({ record, end, after, mayHoldGaps, ...events });
    }
    return result;
  }

  /** These are stored now. */
  confirm(delivered: readonly DeliveredEnd[]): void {
    for (const item of delivered) {
      const key = keyOf(item);
      this.#stored.set(key, Math.max(item.end.order, this.#stored.get(key) ?? item.end.order));
      this.#partitions.add(partitionOf(item.record));
    }
  }
}
