import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Venue, venueNames } from '../events/event.ts';
import { hashKey } from '../events/identity.ts';
import { exportedTables } from '../export/exported-tables.ts';
import { fileChecksum } from '../export/file-checksum.ts';
import { manifestKey, type Partition, plainKey, versionKey } from '../export/manifest.ts';
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
  /** As the manifest told it when the parts were looked for; null where there is none; an error where it is none. */
  readonly described: DescribedPart | ImportError | null;
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

/** The days and venues of a table below one of the folders of an export. */
function* partitionsIn(folder: string, table: string): Generator<{ date: string; venue: Venue }> {
  for (const dateFolder of subfolders(join(folder, table))) {
    const date = /^date=(\d{4}-\d{2}-\d{2})$/.exec(dateFolder)?.[1];
    if (date === undefined) continue;
    for (const venueFolder of subfolders(join(folder, table, dateFolder))) {
      const venue = venueNames.find((name) => venueFolder === `venue=${name}`);
      if (venue !== undefined) yield { date, venue };
    }
  }
}

/** A file as its manifest tells it. */
interface DescribedFile {
  readonly key: string;
  readonly sha256: unknown;
}

/** Of changes, the file that tells how they came; absent where a manifest of its own tells it, as before schema 3. */
interface DescribedPart extends DescribedFile {
  readonly arrivals?: DescribedFile | undefined;
}

const plain = (partition: Partition): string => plainKey(partition, 0);

/** What a manifest says of its files; null where there is none. @throws ImportError where it is none */
function describedIn(folder: string, partition: Partition): readonly DescribedPart[] | null {
  const manifest = join(folder, manifestKey(partition));
  if (!existsSync(manifest)) return null;
  try {
    const { file, files } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      /** Of schema 1, which has one file. */
      readonly file?: { readonly sha256?: unknown };
      readonly files?: readonly DescribedPart[];
    };
    const parts = files ?? [{ key: plain(partition), sha256: file?.sha256 }];
    for (const { key, arrivals } of parts) {
      checkKey(partition, key);
      if (arrivals !== undefined) checkKey({ ...partition, table: ARRIVALS }, arrivals.key);
    }
    return parts;
  } catch {
    throw new ImportError(`${manifest} is no manifest`);
  }
}

/** @throws Error for a key of another partition, or of a file somewhere else. */
function checkKey(partition: Partition, key: string): void {
  const places = [plainKey(partition, 0), versionKey(partition, '')].map((place) => posix.dirname(place));
  if (!places.includes(posix.dirname(key)) || !FILE.test(key))
    throw new Error(`${key} is not of its manifest`);
}

type Found = Pick<ExportedPart, 'path' | 'described'>;

/** Files that a manifest tells of, or that lie there without one; the first, where it cannot be read. */
function filesIn(folder: string, partition: Partition): readonly Found[] {
  try {
    const told = describedIn(folder, partition);
    if (told !== null) return told.map((described) => ({ path: join(folder, described.key), described }));
    return filesBeside(folder, plain(partition)).map((key) => ({ path: join(folder, key), described: null }));
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    return [{ path: join(folder, plain(partition)), described: error }];
  }
}

/**
 * The parts of an export in a folder, by table, date and venue; empty where the folder is none. Where there is a manifest,
 * they are the files that it names, also those that are not there: to read one throws an ImportError.
 */
export function exportedParts(folder: string): ExportedPart[] {
  const parts: ExportedPart[] = [];
  for (const { name: table, source } of exportedTables) {
    const partitions = new Map<string, { date: string; venue: Venue }>();
    for (const place of ['tape', 'manifests']) {
      for (const { date, venue } of partitionsIn(join(folder, place), table))
        partitions.set(`${date} ${venue}`, { date, venue });
    }
    for (const [, { date, venue }] of [...partitions].sort(([left], [right]) => (left < right ? -1 : 1))) {
      const partition = { table, date, venue };
      for (const found of filesIn(folder, partition)) parts.push({ ...partition, source, ...found });
    }
  }
  return parts;
}

/** Keys of all files in the folder of a key. */
function filesBeside(folder: string, key: string): readonly string[] {
  const place = posix.dirname(key);
  return readdirSync(join(folder, place))
    .filter((name) => FILE.test(name))
    .sort()
    .map((name) => posix.join(place, name));
}

/** @throws ImportError where the file is not there, or not as it is described */
async function checkFile(path: string, described: DescribedFile | undefined | null): Promise<void> {
  if (!existsSync(path)) throw new ImportError(`${path} is missing, which its manifest describes`);
  if (described === null) return;
  if ((await fileChecksum(path)) !== described?.sha256)
    throw new ImportError(`${path} is not the file that its manifest describes`);
}

/** Holds a file against a manifest of its own; where there is none, it is taken. @throws ImportError as `checkFile` */
async function checkAgainstManifest(folder: string, partition: Partition, path: string): Promise<void> {
  const files = describedIn(folder, partition);
  const described = files?.find(({ key }) => join(folder, key) === path);
  await checkFile(path, files === null ? null : described);
}

/** A row of the tape, by the names of its columns. */
export type TapeRow = Readonly<Record<string, ParquetCell | object>>;

const textOfHash = ({ hash, hash_text }: ParquetRow): string | null => {
  if (hash instanceof Uint8Array) return Buffer.from(hash).toString('hex');
  return (hash ?? hash_text ?? null) as string | null;
};

/** Where it lies how changes came. @throws ImportError where that file is not there, or not as it is described */
async function arrivalsOf(
  folder: string,
  part: ExportedPart,
  described: DescribedPart | null,
): Promise<string> {
  const told = described?.arrivals;
  const path =
    told === undefined
      ? part.path.replace(join('tape', part.table), join('tape', ARRIVALS))
      : join(folder, told.key);
  if (!existsSync(path))
    throw new ImportError(`${path} is missing, which tells how the changes of ${part.path} came`);
  if (told === undefined) await checkAgainstManifest(folder, { ...part, table: ARRIVALS }, path);
  else await checkFile(path, told);
  return path;
}

/** Changes with how they came, from the file at `path`. @throws ImportError where the two do not belong together */
async function* joined(path: string, part: ExportedPart, changes: ParquetReader): AsyncGenerator<TapeRow> {
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
  const { described } = part;
  if (described instanceof ImportError) throw described;
  await checkFile(part.path, described);
  const reader = await ParquetReader.open(part.path);
  // Files of schema 1 hold changes and their arrival together.
  const isApart = part.source === orderBookDeltas && !reader.columns.includes('received_at');
  yield* isApart ? joined(await arrivalsOf(folder, part, described), part, reader) : reader.read();
}
