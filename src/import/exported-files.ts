import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Venue, venueNames } from '../events/event.ts';
import { hashKey } from '../events/identity.ts';
import { exportedTables } from '../export/exported-tables.ts';
import { manifestKey, type Partition } from '../export/manifest.ts';
import { type ParquetCell, ParquetReader, type ParquetRow } from '../export/read-parquet.ts';
import { type EventTable, orderBookDeltas } from '../storage/tables.ts';

/** A file of an export that cannot be brought in, with the reason. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** A day and venue of one table of an export. */
export interface ExportedPart extends Partition {
  readonly source: EventTable;
  readonly venue: Venue;
  readonly path: string;
}

const ARRIVALS = 'order_book_delta_arrivals';
const FILE = /\.parquet$/;

const subfolders = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];

/** The parts of an export in a folder, by table, date and venue; empty where the folder is none. */
export function exportedParts(folder: string): ExportedPart[] {
  const parts: ExportedPart[] = [];
  for (const { name: table, source } of exportedTables) {
    if (table === ARRIVALS) continue;
    for (const dateFolder of subfolders(join(folder, 'tape', table))) {
      const date = /^date=(\d{4}-\d{2}-\d{2})$/.exec(dateFolder)?.[1];
      if (date === undefined) continue;
      for (const venueFolder of subfolders(join(folder, 'tape', table, dateFolder))) {
        const venue = venueNames.find((name) => venueFolder === `venue=${name}`);
        if (venue === undefined) continue;
        const place = join(folder, 'tape', table, dateFolder, venueFolder);
        for (const file of readdirSync(place)
          .filter((name) => FILE.test(name))
          .sort()) {
          parts.push({ table, source, date, venue, path: join(place, file) });
        }
      }
    }
  }
  return parts;
}

/** @throws ImportError where the file is not the one that its manifest describes; a file without one is taken. */
export async function checkAgainstManifest(
  folder: string,
  partition: Partition,
  path: string,
): Promise<void> {
  const manifest = join(folder, manifestKey(partition));
  if (!existsSync(manifest)) return;
  let wanted: unknown;
  try {
    const { file, files } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      /** Of schema 1, which has one file. */
      readonly file?: { readonly sha256?: unknown };
      readonly files?: readonly { readonly key?: unknown; readonly sha256?: unknown }[];
    };
    wanted = (files?.find(({ key }) => String(key).endsWith(`/${basename(path)}`)) ?? file)?.sha256;
  } catch {
    throw new ImportError(`${manifest} is no manifest`);
  }
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  if (hash.digest('hex') !== wanted)
    throw new ImportError(`${path} is not the file that its manifest describes`);
}

/** A row of the tape, by the names of its columns. */
export type TapeRow = Readonly<Record<string, ParquetCell | object>>;

const textOfHash = ({ hash, hash_text }: ParquetRow): string | null => {
  if (hash instanceof Uint8Array) return Buffer.from(hash).toString('hex');
  return (hash ?? hash_text ?? null) as string | null;
};

/** Changes with how they came, from the file beside. @throws ImportError where the two do not belong together */
async function* joined(folder: string, part: ExportedPart, changes: ParquetReader): AsyncGenerator<TapeRow> {
  const beside = { ...part, table: ARRIVALS };
  const path = part.path.replace(join('tape', part.table), join('tape', ARRIVALS));
  if (!existsSync(path))
    throw new ImportError(`${path} is missing, which tells how the changes of ${part.path} came`);
  await checkAgainstManifest(folder, beside, path);
  const arrivals = (await ParquetReader.open(path)).read();
  let row = 0;
  for await (const change of changes.read()) {
    const { value: arrival } = await arrivals.next();
    const isSame = ['instrument', 'exchange_ts', 'place'].every((key) => arrival?.[key] === change[key]);
    if (arrival === undefined || !isSame)
      throw new ImportError(`row ${row} of ${path} is not of the change in ${part.path}`);
    row++;
    const hash = textOfHash(arrival);
    yield {
      ...change,
      hash,
      hash_key: hashKey(hash ?? undefined),
      received_at: (change['exchange_ts'] as number) + (arrival['receive_delay'] as number),
    };
  }
}

/** The rows of a part as the tape has them, but for the venue. @throws ImportError or ParquetError naming the file */
export async function* rowsOfPart(folder: string, part: ExportedPart): AsyncGenerator<TapeRow> {
  await checkAgainstManifest(folder, part, part.path);
  const reader = await ParquetReader.open(part.path);
  // Files of schema 1 hold changes and their arrival together.
  const isApart = part.source === orderBookDeltas && !reader.columns.includes('received_at');
  yield* isApart ? joined(folder, part, reader) : reader.read();
}
