import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { BookDeltaEvent, Venue } from '#src/events/event.ts';
import { type ExportedTable, PLACE, tablesOfFiles } from '#src/export/exported-tables.ts';
import type { ParquetInput } from '#src/export/parquet-columns.ts';
import { ParquetFile } from '#src/export/parquet-file.ts';
import { readRecording } from '#src/recording/read-recording.ts';
import type { Micros } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { randomNumbers } from './book-stream.ts';
import { kalshiFrames, polymarketFrames } from './inputs/simulated-frames.ts';
import type { Row, Subject } from './row.ts';

const FRAMES = 250_000;
const MARKETS = 1_200;
/** Simulated frames are on their way for so long, and for an exponential share more. */
const LEAST_DELAY = 20_000;
const MEAN_DELAY = 10_000;
const RECORDING = new URL('../test/fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz', import.meta.url);
/** Bytes for a row of changes that the design asks for. */
const ASKED = { kalshi: 7, polymarket: 11 } as const;

type FileRow = Readonly<Record<string, ParquetInput>>;

function fileRow(delta: BookDeltaEvent, receivedAt: number): FileRow {
  const exchangeTs = delta.exchange_ts ?? receivedAt;
  return {
    instrument: delta.instrument,
    exchange_ts: exchangeTs,
    side: delta.side,
    price: delta.price,
    amount: delta.size ?? delta.change,
    is_absolute: delta.size !== undefined,
    occurrence: 0,
    quality: 0,
    lines: 7,
    receive_delay: receivedAt - exchangeTs,
    hash: delta.hash === undefined ? null : Buffer.from(delta.hash, 'hex'),
    hash_text: null,
  };
}

/** In the order of the file, with the places that the order gives. */
function sorted(rows: readonly FileRow[]): FileRow[] {
  const order = [...rows].sort(
    (a, b) =>
      Buffer.compare(Buffer.from(a['instrument'] as string), Buffer.from(b['instrument'] as string)) ||
      (a['exchange_ts'] as number) - (b['exchange_ts'] as number),
  );
  let place = 0;
  return order.map((row, index) => {
    const before = order[index - 1];
    const isSame =
      before !== undefined &&
      before['instrument'] === row['instrument'] &&
      before['exchange_ts'] === row['exchange_ts'];
    place = isSame ? place + 1 : 0;
    return { ...row, [PLACE]: place, instant_index: place };
  });
}

function changesIn(
  venue: Venue,
  texts: Iterable<string>,
  receivedAt: (exchangeTs: number) => number,
): FileRow[] {
  const decoder = venueDefinition(venue).decoder();
  const rows: FileRow[] = [];
  for (const text of texts) {
    for (const event of decoder.decode(text, { received_at: 0 as Micros, useYesPrice: true }).events) {
      if (event.kind === 'book_delta') rows.push(fileRow(event, receivedAt(event.exchange_ts ?? 0)));
    }
  }
  return sorted(rows);
}

function simulated(venue: Venue, texts: Iterable<string>): FileRow[] {
  const random = randomNumbers(11);
  return changesIn(venue, texts, (at) => at + LEAST_DELAY + Math.round(-MEAN_DELAY * Math.log(1 - random())));
}

async function recorded(): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  const decoder = venueDefinition('kalshi').decoder();
  for await (const { frame, recorded: line } of readRecording(RECORDING.pathname)) {
    if (frame === null || line === null) continue;
    for (const event of decoder.decode(frame, { received_at: line.t, useYesPrice: false }).events) {
      if (event.kind === 'book_delta') rows.push(fileRow(event, line.t));
    }
  }
  return sorted(rows);
}

/** Bytes of a file per row, written by us, and by DuckDB from that very file. */
async function bytesPerRow(
  table: ExportedTable,
  rows: readonly FileRow[],
): Promise<{ ours: number; duckdb: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-parquet-'));
  try {
    const path = join(directory, 'ours.parquet');
    const other = join(directory, 'duckdb.parquet');
    const file = new ParquetFile(path, table.columns);
    for (const row of rows) file.append(table.columns.map(({ name }) => row[name]));
    const { bytes } = await file.finish();
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (SELECT * FROM '${path}') TO '${other}' (FORMAT parquet, COMPRESSION zstd)`);
    connection.closeSync();
    instance.closeSync();
    return { ours: bytes / rows.length, duckdb: (await stat(other)).size / rows.length };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Sizes, not times: what a day of changes takes as Parquet, and how they came beside it. */
export const subject: Subject = {
  name: 'parquet',
  run: async ({ isQuick }) => {
    const frames = isQuick ? FRAMES / 5 : FRAMES;
    const texts = (all: readonly { readonly text: string }[]): string[] => all.map(({ text }) => text);
    const inputs: readonly (readonly [string, Venue, FileRow[]])[] = [
      ['recorded Kalshi', 'kalshi', await recorded()],
      [
        'simulated Kalshi',
        'kalshi',
        simulated(
          'kalshi',
          kalshiFrames(frames, MARKETS, 1).flatMap((one) => texts(one.frames)),
        ),
      ],
      [
        'simulated Polymarket',
        'polymarket',
        simulated('polymarket', texts(polymarketFrames(frames, MARKETS / 2).frames)),
      ],
    ];
    const found: Row[] = [];
    for (const [name, venue, rows] of inputs) {
      for (const table of tablesOfFiles.filter(({ source }) => source.name === 'order_book_deltas')) {
        const { ours, duckdb } = await bytesPerRow(table, rows);
        const size = { ours, lowerIsBetter: true, unit: 'bytes a row' } as const;
        const title = `${table.name}, ${name}, ${rows.length.toLocaleString('en')} rows`;
        if (table.name === 'order_book_deltas') {
          const peer = ASKED[venue];
          found.push({ ...size, name: title, peer, peerName: 'asked for', ratio: peer / ours, reach: 1 });
        }
        found.push({
          ...{ ...size, name: `${title}, beside DuckDB`, peer: duckdb, peerName: 'DuckDB, zstd' },
          ...{ ratio: duckdb / ours, reach: null },
        });
      }
    }
    return found;
  },
};
