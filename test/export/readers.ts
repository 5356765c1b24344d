import { zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';

type Row = Record<string, unknown>;

const decompress = { ZSTD: (bytes: Uint8Array): Uint8Array => zstdDecompressSync(bytes) };

/** 64-bit integers as numbers, which the tests' values all fit into. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  return value ?? null;
}

const plainRow = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));

/** The rows of a file, as hyparquet reads them. */
export async function readParquet(path: string): Promise<Row[]> {
  const file = await asyncBufferFromFile(path);
  return (await parquetReadObjects({ file, compressors: decompress, utf8: false })).map(plainRow);
}

export async function parquetMetadata(path: string) {
  return await parquetMetadataAsync(await asyncBufferFromFile(path));
}

/** What DuckDB answers. */
export async function askDuckDb(statement: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const rows = (await connection.runAndReadAll(statement)).getRowObjectsJS() as Row[];
    return rows.map(plainRow);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
