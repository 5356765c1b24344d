import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import type { CopyBuffer } from './copy-buffer.ts';
import { type CopyIn, copyIn } from './copy-in.ts';
import { copyText, filledTables, insertText, stageDefinitions, type Way, wayOf } from './copy-statements.ts';
import { DayPartitions } from './day-partitions.ts';
import { isDataError, sqlState } from './failures.ts';
import { LineBatch } from './line-batch.ts';
import { appendOnly } from './line-tables.ts';
import { gapsOfLosses, partsInDoubt } from './loss-account.ts';
import { type MissingRecords, RecordChain } from './record-chain.ts';
import { RowError } from './row-error.ts';
import {
  type DeliveredRecord,
  eachLine,
  halves,
  isWhole,
  linesIn,
  type RecordSlice,
  type RefusedLine,
  wholeRecord,
} from './stream-records.ts';
import { orderBookDeltas } from './tables.ts';

/** What became of the rows of one table. */
export interface TableCount {
  /** Rows that are new, or changed a keyed row. */
  readonly stored: number;
  /** Rows that were there already. */
  readonly known: number;
}

export interface StoreOutcome {
  readonly tables: Readonly<Record<string, TableCount>>;
  /** Put aside in `poison_records`. */
  readonly refused: readonly RefusedLine[];
  /** Records that never came, of which gaps were recorded. */
  readonly missing: readonly MissingRecords[];
  /** The first record that is not stored, with all behind it, and why; null when all are. */
  readonly failed: { readonly index: number; readonly error: Error } | null;
}

/** The table that most rows are for: it is copied while later records are still being read. */
const LEADING = filledTables.find(({ name }) => name === orderBookDeltas.name)!;
/** Deadlocks and the like: the transaction did nothing and may simply be done again. */
const REPEATABLE = new Set(['40P01', '40001']);
const REPETITIONS = 6;
/** The other side of a deadlock goes on when this one gives way; it needs time to come to its end. */
const FIRST_PAUSE_MILLIS = 100;
const UNIQUE_VIOLATION = '23505';

/** One statement of a transaction, with the rows it copies, and whose count it tells. */
interface Step {
  readonly text: string;
  readonly rows?: CopyBuffer;
  readonly counts?: { readonly table: string; readonly role: 'copied' | 'inserted' };
}

/**
 * Writes records of a line's stream into its database, over one session that nobody else uses meanwhile.
 *
 * All tables of a delivery are written in one transaction. Rows are copied straight into the append-only tables,
 * which is what the server does fastest; a row that is there already makes that fail, and the same bytes are then
 * copied into temporary tables, from where only new rows are inserted. So a delivery may come twice, in part, and
 * from two writers at once. What the database refuses is found by halving and put aside with its reason.
 */
export class LineStore {
  readonly #client: ClientBase;
  readonly #partitions = new DayPartitions();
  readonly #chain = new RecordChain();
  #way: Way = 'direct';
  #prepared = false;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /** Never rejects: what could not be stored is in `failed`. After a failure the session may be unusable. */
  async store(records: readonly DeliveredRecord[]): Promise<StoreOutcome> {
    const outcome: MutableOutcome = { tables: {}, refused: [], missing: [], failed: null };
    const slices = records.map(wholeRecord);
    try {
      await this.#prepare();
      await this.#storeAll(slices, outcome);
    } catch (error) {
      const first = error instanceof Interrupted ? records.indexOf(error.record) : 0;
      outcome.failed = {
        index: Math.max(0, first),
        error: ((error as Error).cause as Error) ?? (error as Error),
      };
    }
    return outcome;
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    await this.#client.query(stageDefinitions);
    await this.#chain.load(this.#client);
    this.#prepared = true;
  }

  /** Stores the slices, and when the database refuses something in them, all but that. */
  async #storeAll(slices: readonly RecordSlice[], outcome: MutableOutcome): Promise<void> {
    try {
      await this.#storeTogether(slices, outcome);
    } catch (error) {
      const first = slices[0]!;
      if (!isDataError(error))
        throw error instanceof Interrupted ? error : new Interrupted(first.record, error as Error);
      if (linesIn(slices) <= 1) {
        await this.#putAside(slices, error as Error, outcome);
        return;
      }
      const [left, right] = halves(slices);
      await this.#storeAll(left, outcome);
      await this.#storeAll(right, outcome);
    }
  }

  async #storeTogether(slices: readonly RecordSlice[], outcome: MutableOutcome): Promise<void> {
    const batch = new LineBatch();
    let leading: CopyIn | null = null;
    for (const slice of slices) {
      readSlice(slice, batch);
      // Records of a partition without ends say nothing of what came before them.
      batch.leaveRecord(isWhole(slice) && !this.#chain.isChained(slice.record));
      leading = this.#copyAhead(batch, leading);
    }
    let missing: readonly MissingRecords[] = [];
    const hasLosses = batch.refused.length > 0 || this.#chain.missing(batch.ends).length > 0;
    if (hasLosses || batch.ends.some(({ end }) => end.split)) {
      if (leading !== null) await this.#abandon(leading);
      leading = null;
      batch.rewind();
      missing = await this.#accountForLosses(batch);
    }
    batch.close();
    const counts = await this.#write(batch, leading);
    this.#chain.confirm(batch.ends);
    for (const [table, count] of counts) {
      const sum = outcome.tables[table] ?? { stored: 0, known: 0 };
      outcome.tables[table] = { stored: sum.stored + count.stored, known: sum.known + count.known };
    }
    outcome.refused.push(...batch.refused);
    outcome.missing.push(...missing);
  }

  /** Puts aside the only line of the slices, which the database refuses. */
  async #putAside(slices: readonly RecordSlice[], error: Error, outcome: MutableOutcome): Promise<void> {
    const batch = new LineBatch();
    for (const slice of slices) {
      const { record } = slice;
      eachLine(slice, (_, number, start, end) => {
        batch.refuse({
          record,
          number,
          bytes: record.data.subarray(start, end),
          reason: `the database: ${error.message}`,
        });
      });
    }
    try {
      await this.#accountForLosses(batch);
      batch.close();
      await this.#write(batch, null);
    } catch (fault) {
      throw new Interrupted(slices[0]!.record, fault as Error);
    }
    outcome.refused.push(...batch.refused);
  }

  /** Adds gaps for what the batch should hold and does not, so that the line no longer vouches for it. */
  async #accountForLosses(batch: LineBatch): Promise<readonly MissingRecords[]> {
    // Another writer may have stored what this one has not seen.
    await this.#chain.load(this.#client);
    const client = this.#client;
    const doubtful = await partsInDoubt(client, this.#chain, batch.ends, batch.refused);
    const missing = [...this.#chain.missing(batch.ends), ...doubtful];
    for (const line of await gapsOfLosses(client, this.#chain, batch.refused, missing)) batch.add(line);
    return missing;
  }

  /** Sends what the leading table has so far, once its partitions are known to be there. */
  #copyAhead(batch: LineBatch, leading: CopyIn | null): CopyIn | null {
    const buffer = batch.buffers.get(LEADING.name);
    if (buffer === undefined || this.#partitions.missing(batch.days).size > 0) return leading;
    let copy = leading;
    if (copy === null) copy = copyIn(this.#client, `BEGIN; ${copyText(LEADING, this.#way)}`);
    copy.data(buffer.take());
    return copy;
  }

  /** Writes a closed batch, with the COPY of the leading table that may be under way. */
  async #write(batch: LineBatch, underWay: CopyIn | null): Promise<Map<string, TableCount>> {
    let leading = underWay;
    for (let repetition = 0; ; repetition++) {
      try {
        const missing = this.#partitions.missing(batch.days);
        if (missing.size > 0) {
          if (leading !== null) await this.#abandon(leading);
          leading = null;
          batch.rewind();
          await this.#partitions.ensure(this.#client, missing);
        }
        return await this.#attempt(batch, leading);
      } catch (error) {
        await this.#client.query('ROLLBACK').catch(() => {
          throw error;
        });
        leading = null;
        batch.rewind();
        const state = sqlState(error);
        if (state === UNIQUE_VIOLATION && this.#way === 'direct') this.#way = 'staged';
        else if (!REPEATABLE.has(state) || repetition >= REPETITIONS) throw error;
        else await sleep(FIRST_PAUSE_MILLIS * 2 ** repetition);
      }
    }
  }

  async #abandon(leading: CopyIn): Promise<void> {
    leading.fail('something else is to be done first');
    await leading.completed.catch(() => {});
    await this.#client.query('ROLLBACK');
  }

  async #attempt(batch: LineBatch, underWay: CopyIn | null): Promise<Map<string, TableCount>> {
    const way = this.#way;
    const result = new Map<string, TableCount>();
    const copied = (table: string, count: number): void =>
      void result.set(table, { stored: count, known: 0 });
    if (underWay !== null) {
      underWay.data(batch.buffer(LEADING.name).take());
      underWay.done();
      copied(LEADING.name, (await underWay.completed)[1] ?? 0);
    }

    const steps = stepsOf(batch, way, underWay !== null);
    const copy = copyIn(this.#client, steps.map(({ text }) => text).join('\n'));
    for (const { rows } of steps) {
      if (rows === undefined) continue;
      copy.data(rows.take());
      copy.done();
    }
    const counts = await copy.completed;
    steps.forEach(({ counts: told }, index) => {
      if (told === undefined) return;
      const count = counts[index] ?? 0;
      if (told.role === 'copied') copied(told.table, count);
      else result.set(told.table, { stored: count, known: result.get(told.table)!.stored - count });
    });
    // Copies come in spells: as long as they do, trying the direct way first only costs.
    const repeated = [...result].some(([table, { known }]) => appendOnly.has(table) && known > 0);
    if (way === 'staged' && !repeated) this.#way = 'direct';
    return result;
  }
}

/** The transaction that stores a batch; without its begin and the leading COPY where those are done already. */
function stepsOf(batch: LineBatch, preferred: Way, isBegun: boolean): Step[] {
  const steps: Step[] = isBegun ? [] : [{ text: 'BEGIN;' }];
  for (const table of filledTables) {
    const rows = batch.buffers.get(table.name);
    if (rows === undefined) continue;
    const way = wayOf(table.name, preferred);
    if (!isBegun || table !== LEADING) {
      steps.push({ text: copyText(table, way), rows, counts: { table: table.name, role: 'copied' } });
    }
    if (way === 'staged') {
      steps.push({ text: insertText(table), counts: { table: table.name, role: 'inserted' } });
    }
  }
  steps.push({ text: 'COMMIT;' });
  return steps;
}

interface MutableOutcome {
  tables: Record<string, TableCount>;
  refused: RefusedLine[];
  missing: MissingRecords[];
  failed: { index: number; error: Error } | null;
}

/** Storing ended at this record for a reason that is not in the data. */
class Interrupted extends Error {
  readonly record: DeliveredRecord;

  constructor(record: DeliveredRecord, cause: Error) {
    super(cause.message, { cause });
    this.record = record;
  }
}

function readSlice(slice: RecordSlice, batch: LineBatch): void {
  const { record } = slice;
  eachLine(slice, (text, number, start, end) => {
    let reason: string;
    try {
      if (text === null) throw new RowError('not UTF-8');
      const line = JSON.parse(text);
      if (line?.kind === 'record_end') batch.endRecord(record, line);
      else batch.add(line);
      return;
    } catch (error) {
      reason = error instanceof RowError ? error.message : `not JSON: ${(error as Error).message}`;
    }
    batch.refuse({ record, number, bytes: record.data.subarray(start, end), reason });
  });
}
