import { zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';

const compressors = { ZSTD: (bytes: Uint8Array): Uint8Array => zstdDecompressSync(bytes) };

/** A value of a row: 64-bit integers as numbers, bytes as they are, texts decoded. */
export type ParquetCell = string | number | boolean | null | Uint8Array | readonly ParquetCell[];
export type ParquetRow = Readonly<Record<string, ParquetCell>>;

/** A file that is no Parquet, or whose numbers are beyond what can be held exactly. */
export class ParquetError extends Error {
  override readonly name = 'ParquetError';
}

function cell(value: unknown): ParquetCell {
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new ParquetError(`${value} is beyond 2^53`);
    return number;
  }
  if (Array.isArray(value)) return value.map(cell);
  return (value ?? null) as ParquetCell;
}

/** A Parquet file of the tape, or any other, read by groups of rows. */
export class ParquetReader {
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #path: string;

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.#path = path;
    this.#file = file;
    this.#metadata = metadata;
  }

  /** @throws ParquetError naming the file, where it is none */
  static async open(path: string): Promise<ParquetReader> {
    try {
      const file = await asyncBufferFromFile(path);
      return new ParquetReader(path, file, await parquetMetadataAsync(file));
    } catch (error) {
      throw new ParquetError(`${path} cannot be read as Parquet: ${(error as Error).message}`);
    }
  }

  get rows(): number {
    return Number(this.#metadata.num_rows);
  }

  get columns(): readonly string[] {
    const names = this.#metadata.row_groups[0]?.columns.map((column) => column.meta_data!.path_in_schema[0]!);
    return [...new Set(names)];
  }

  /**
   * All rows in the order of the file, in the memory of one group of them.
   *
   * @param columns those that are wanted; all when absent
   * @throws ParquetError naming the file, where a part of it cannot be read
   */
  async *read(columns?: readonly string[]): AsyncGenerator<ParquetRow> {
    let rowStart = 0;
    for (const { num_rows } of this.#metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      let rows: ParquetRow[];
      try {
        const found = await parquetReadObjects({
          file: this.#file,
          metadata: this.#metadata,
          compressors,
          rowStart,
          rowEnd,
          utf8: false,
          ...(columns === undefined ? {} : { columns: [...columns] }),
        });
        rows = found.map((row) =>
          Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)])),
        );
      } catch (error) {
        throw new ParquetError(
          `${this.#path} cannot be read from row ${rowStart} on: ${(error as Error).message}`,
        );
      }
      yield* rows;
      rowStart = rowEnd;
    }
  }
}
