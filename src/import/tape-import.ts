import type { ClientBase } from 'pg';
import { ParquetError } from '../export/read-parquet.ts';
import { CopyBuffer } from '../storage/copy-buffer.ts';
import { copyIn } from '../storage/copy-in.ts';
import {
  alignStatements,
  fillStatement,
  mergeStatement,
  partitionStatement,
  stageStatement,
  tapeColumns,
} from '../storage/production/merge-statements.ts';
import { RowError } from '../storage/row-error.ts';
import { type Column, eventTables } from '../storage/tables.ts';
import { type ExportedPart, ImportError, rowsOfPart, type TapeRow } from './exported-files.ts';

/** Bytes of rows handed to the server at once. */
const BYTES_AT_ONCE = 1 << 20;

export interface ImportReport {
  readonly table: string;
  readonly date: string;
  readonly venue: string;
  readonly rows: number;
  /** Rows that are new on the tape. */
  readonly inserted: number;
  /** Rows that were there and say more now. */
  readonly updated: number;
  /** Why nothing of the file was taken; null where all of it was. */
  readonly refused: string | null;
}

/** Whether any event is on the tape. */
export async function isEmptyTape(client: ClientBase): Promise<boolean> {
  const any = eventTables.map(({ name }) => `EXISTS (SELECT FROM ${name})`).join(' OR ');
  const { rows } = await client.query<{ any: boolean }>(`SELECT ${any} AS any`);
  return !rows[0]!.any;
}

/** One value, checked against what its column holds. @throws RowError naming the column */
function put(to: CopyBuffer, { name, type, nullable }: Column, value: unknown): void {
  if (nullable === true && (value === null || value === undefined)) {
    to.null();
    return;
  }
  switch (type) {
    case 'bigint[]':
      to.levels(pairs(value, name), name);
      break;
    case 'text[]':
      to.textArray(value, name);
      break;
    case 'jsonb':
      to.jsonb(parsed(value, name), name);
      break;
    default:
      to[type](value, name);
  }
}

function pairs(value: unknown, column: string): unknown[][] {
  if (!Array.isArray(value) || value.length % 2 !== 0)
    throw new RowError(`${column}: expected prices and sizes in turn`);
  return Array.from({ length: value.length / 2 }, (_, index) => [value[2 * index], value[2 * index + 1]]);
}

function parsed(value: unknown, column: string): unknown {
  try {
    return JSON.parse(value as string);
  } catch {
    throw new RowError(`${column}: expected JSON`);
  }
}

/**
 * Brings files of an export onto a tape, as if lines had seen their events: each file wholly or not at all, events
 * that are there already stay as they are, so that doing it again changes nothing.
 */
export class TapeImport {
  readonly #client: ClientBase;
  readonly #folder: string;
  readonly #onRow: () => void;
  readonly #bytesAtOnce: number;

  /**
   * @param folder the export
   * @param onRow told of every row that was read
   * @param bytesAtOnce of rows, after which they are handed to the server
   */
  constructor(
    client: ClientBase,
    folder: string,
    onRow: () => void = () => {},
    bytesAtOnce: number = BYTES_AT_ONCE,
  ) {
    this.#client = client;
    this.#folder = folder;
    this.#onRow = onRow;
    this.#bytesAtOnce = bytesAtOnce;
  }

  /** @throws the database's error; what is wrong with the file is in the report */
  async part(part: ExportedPart): Promise<ImportReport> {
    const { table, date, venue, source } = part;
    const nothing = { table, date, venue, rows: 0, inserted: 0, updated: 0 };
    await this.#client.query('BEGIN');
    try {
      await this.#client.query(stageStatement(source));
      const rows = await this.#fill(part);
      await this.#client.query(partitionStatement(source));
      for (const statement of alignStatements(source)) await this.#client.query(statement);
      const merged = await this.#client.query<{ inserted: number; updated: number }>(mergeStatement(source));
      await this.#client.query('COMMIT');
      return { ...nothing, rows, ...merged.rows[0]!, refused: null };
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      if (error instanceof ImportError || error instanceof ParquetError)
        return { ...nothing, refused: error.message };
      throw error;
    }
  }

  async #fill(part: ExportedPart): Promise<number> {
    const { source, venue, path } = part;
    const columns = [...tapeColumns(source), { name: 'lines', type: 'smallint' } as const];
    const buffer = new CopyBuffer();
    const copy = copyIn(this.#client, fillStatement(source.name));
    let rows = 0;
    try {
      for await (const row of rowsOfPart(this.#folder, part)) {
        putRow(buffer, columns, { ...row, venue }, path, rows++);
        this.#onRow();
        if (buffer.pending < this.#bytesAtOnce) continue;
        copy.data(buffer.release());
        await copy.drained();
      }
      buffer.end();
      copy.data(buffer.release());
      copy.done();
    } catch (error) {
      copy.fail('the file cannot be read');
      await copy.completed.catch(() => {});
      throw error;
    }
    await copy.completed;
    return rows;
  }
}

function putRow(
  to: CopyBuffer,
  columns: readonly Column[],
  row: TapeRow,
  path: string,
  number: number,
): void {
  to.beginRow(columns.length);
  try {
    for (const column of columns) put(to, column, row[column.name]);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    throw new ImportError(`row ${number} of ${path}: ${error.message}`);
  }
}
