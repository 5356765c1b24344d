import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
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
const FIRST_FILE = 'tape.parquet';

const subfolders = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];

/** The days and venues of a table below one of the folders of an export. */
function* partitionsIn(
  folder: string,
  table: string,
): Generator<{ date: string; venue: Venue; place: string }> {
  for (const dateFolder of subfolders(join(folder, table))) {
    const date = /^date=(\d{4}-\d{2}-\d{2})$/.exec(dateFolder)?.[1];
    if (date === undefined) continue;
    for (const venueFolder of subfolders(join(folder, table, dateFolder))) {
      const venue = venueNames.find((name) => venueFolder === `venue=${name}`);
      if (venue !== undefined) yield { date, venue, place: join(folder, table, dateFolder, venueFolder) };
    }
  }
}

/** What a manifest says of its files: their names and checksums. @throws ImportError where it is none */
function filesOf(manifest: string): readonly { readonly name: string; readonly sha256: unknown }[] {
  try {
    const { file, files } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      /** Of schema 1, which has one file. */
      readonly file?: { readonly sha256?: unknown };
      readonly files?: readonly { readonly key: string; readonly sha256?: unknown }[];
    };
    if (files === undefined) return [{ name: FIRST_FILE, sha256: file?.sha256 }];
    return files.map(({ key, sha256 }) => ({ name: posix.basename(key), sha256 }));
  } catch {
    throw new ImportError(`${manifest} is no manifest`);
  }
}

/** Names of the files that a manifest tells of; the first, where nothing can be read: whoever reads it says why. */
function namesIn(manifest: string): readonly string[] {
  if (!existsSync(manifest)) return [];
  try {
    return filesOf(manifest).map(({ name }) => name);
  } catch {
    return [FIRST_FILE];
  }
}

/**
 * The parts of an export in a folder, by table, date and venue; empty where the folder is none. Files that a manifest
 * tells of and that are not there are among them: to read one throws an ImportError.
 */
export function exportedParts(folder: string): ExportedPart[] {
  const parts: ExportedPart[] = [];
  for (const { name: table, source } of exportedTables) {
    if (table === ARRIVALS) continue;
    const places = new Map<string, { date: string; venue: Venue; names: Set<string> }>();
    for (const { date, venue, place } of partitionsIn(join(folder, 'tape'), table)) {
      const names = readdirSync(place).filter((name) => FILE.test(name));
      places.set(`${date} ${venue}`, { date, venue, names: new Set(names) });
    }
    for (const { date, venue } of partitionsIn(join(folder, 'manifests'), table)) {
      const known = places.get(`${date} ${venue}`) ?? { date, venue, names: new Set() };
      for (const name of namesIn(join(folder, manifestKey({ table, date, venue })))) known.names.add(name);
      places.set(`${date} ${venue}`, known);
    }
    for (const [, { date, venue, names }] of [...places].sort(([left], [right]) => (left < right ? -1 : 1))) {
      const place = join(folder, 'tape', table, `date=${date}`, `venue=${venue}`);
      for (const name of [...names].sort())
        parts.push({ table, source, date, venue, path: join(place, name) });
    }
  }
  return parts;
}

/**
 * @throws ImportError where the file is not there, or not the one that its manifest describes; a file without a
 *   manifest is taken.
 */
export async function checkAgainstManifest(
  folder: string,
  partition: Partition,
  path: string,
): Promise<void> {
  const manifest = join(folder, manifestKey(partition));
  const described = existsSync(manifest) ? filesOf(manifest) : null;
  if (!existsSync(path)) throw new ImportError(`${path} is missing, which its manifest describes`);
  if (described === null) return;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  if (hash.digest('hex') !== described.find(({ name }) => name === basename(path))?.sha256)
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
