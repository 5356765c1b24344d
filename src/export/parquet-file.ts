import { rmSync } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Encoding } from 'hyparquet';
import { ByteWriter, fileWriter, ParquetWriter } from 'hyparquet-writer';
import { fileChecksum } from './file-checksum.ts';
import { type ParquetColumn, type ParquetInput, parquetSchema, parquetValue } from './parquet-columns.ts';

/** What DuckDB takes for a row group as well: large enough to compress, small enough to hold in memory. */
export const ROWS_PER_GROUP = 122_880;
/** Rows by which the encoding of a column of numbers is chosen. */
const ROWS_TO_TRY = 65_536;
/** A twentieth smaller than at 9 for two and a half times the work; above it files hardly shrink. */
const COMPRESSION_LEVEL = 17;
const CREATED_BY = 'prediction-tape';

const compressors = {
  ZSTD: (bytes: Uint8Array): Uint8Array =>
    zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL } }),
};

export interface WrittenFile {
  readonly rows: number;
  readonly rowGroups: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * A Parquet file that is written group by group, in the memory of one group: zstd, statistics for each group and
 * column, page indexes. Until `finish` it lies beside its place; a process that dies leaves no half file there.
 * The bytes follow from the rows alone.
 */
export class ParquetFile {
  readonly #path: string;
  readonly #part: string;
  readonly #columns: readonly ParquetColumn[];
  readonly #writer: ParquetWriter;
  readonly #rowsPerGroup: number;
  #waiting: unknown[][];
  #encodings: readonly (Encoding | undefined)[] | null = null;
  #rows = 0;
  #groups = 0;

  constructor(path: string, columns: readonly ParquetColumn[], rowsPerGroup = ROWS_PER_GROUP) {
    this.#path = path;
    this.#part = `${path}.${process.pid}.part`;
    this.#columns = columns;
    this.#rowsPerGroup = rowsPerGroup;
    this.#waiting = columns.map(() => []);
    this.#writer = new ParquetWriter({
      writer: fileWriter(this.#part),
      schema: parquetSchema(columns),
      codec: 'ZSTD',
      compressors,
      createdBy: CREATED_BY,
      // Names of instruments differ behind many equal letters; cut off, they would all look the same to who skips.
      statisticsTruncateLength: Number.POSITIVE_INFINITY,
    });
  }

  /** @param values one per column, in their order. @throws RangeError naming the column that cannot take its value. */
  append(values: readonly ParquetInput[]): void {
    const row = this.#columns.map((column, index) => parquetValue(column, values[index]));
    for (const [index, value] of row.entries()) this.#waiting[index]!.push(value);
    this.#rows++;
    if (this.#waiting[0]!.length === this.#rowsPerGroup) this.#writeGroup();
  }

  #writeGroup(): void {
    this.#encodings ??= this.#columns.map((column, index) => smallestEncoding(column, this.#waiting[index]!));
    const columnData = this.#columns.map(({ name, type }, index) => {
      const encoding = this.#encodings![index];
      const isComparable = type !== 'jsonb';
      return {
        name,
        data: this.#waiting[index]!,
        statistics: isComparable,
        columnIndex: isComparable,
        ...(encoding && { encoding }),
      };
    });
    this.#writer.write({ columnData, rowGroupSize: this.#rowsPerGroup });
    this.#groups++;
    this.#waiting = this.#columns.map(() => []);
  }

  /** Puts the whole file, on disk for certain, in its place. */
  async finish(): Promise<WrittenFile> {
    if (this.#waiting[0]!.length > 0) this.#writeGroup();
    this.#writer.finish();
    const file = await open(this.#part, 'r+');
    await file.sync();
    await file.close();
    const sha256 = await fileChecksum(this.#part);
    const { size } = await stat(this.#part);
    await rename(this.#part, this.#path);
    return { rows: this.#rows, rowGroups: this.#groups, bytes: size, sha256 };
  }

  /** Takes away what was written so far; nothing after `finish`. */
  abandon(): void {
    rmSync(this.#part, { force: true });
  }
}

const ENCODINGS = [undefined, 'PLAIN', 'DELTA_BINARY_PACKED'] as const;

/**
 * The encoding that makes a column of 64-bit numbers smallest: a dictionary where the writer sees fit, plain values,
 * or packed differences. Which one depends on how often an instrument changes, on how fine the venue's clock is, and
 * on whether amounts come back. Others that are smaller still are not for Athena to read.
 */
function smallestEncoding(column: ParquetColumn, data: readonly unknown[]): Encoding | undefined {
  if (column.type !== 'bigint') return undefined;
  const sample = data.slice(0, ROWS_TO_TRY);
  let smallest: { encoding: Encoding | undefined; size: number } | null = null;
  for (const encoding of ENCODINGS) {
    const writer = new ByteWriter();
    const file = new ParquetWriter({ writer, schema: parquetSchema([column]), codec: 'ZSTD', compressors });
    file.write({
      columnData: [{ name: column.name, data: sample, ...(encoding && { encoding }) }],
      rowGroupSize: ROWS_TO_TRY,
    });
    if (smallest === null || writer.offset < smallest.size) smallest = { encoding, size: writer.offset };
  }
  return smallest?.encoding;
}
