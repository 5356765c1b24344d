import { z } from 'zod';
import type { ObjectStore } from '../archive/object-store.ts';
import { ObjectNotFoundError } from '../archive/object-store.ts';

const count = z.number().int().nonnegative();
const micros = z.number().int();
const file = z.object({
  key: z.string(),
  rows: count,
  bytes: count,
  sha256: z.string().length(64),
});

/**
 * Raised whenever manifests or files are to be read in another way; 1 where a manifest has none. 2: changes lie in two
 * files. 3: one manifest tells both.
 */
export const SCHEMA_VERSION = 3;

/** Of the column by which files are sorted first: from this one on, and before that one; null is no bound. */
export const subjectRange = z.object({ from: z.string().nullable(), to: z.string().nullable() });
export type SubjectRange = z.infer<typeof subjectRange>;

/** Least and greatest venue time of a row, both included, in microseconds. */
const timeBounds = z.object({ from: micros, to: micros });

/** A file of arrivals: it has the rows and groups of the file of changes that it was made with, in the same order. */
const arrivals = file.omit({ rows: true });

export const tapeFile = file.extend({
  row_groups: count,
  range: subjectRange,
  time: timeBounds,
  /** Of changes: how they came. Absent of other tables, and before schema 3. */
  arrivals: arrivals.optional(),
});
/** One file of a table, day and venue. */
export type TapeFile = z.infer<typeof tapeFile>;

export const completenessShape = z.object({
  /** Whether every running line had been merged past the end of the day. */
  settled: z.boolean(),
  /** Up to which venue time they had, in microseconds; null when no line ever ran. */
  settled_until: micros.nullable(),
  /** The tape's gaps of instruments that may have events, within the day, those of the whole venue among them. */
  gaps: count,
  gaps_of_whole_venue: count,
  /** Markets and hours of the day by condition. */
  market_hours: z.object({ available: count, degraded: count, pending: count, missing: count }),
  /**
   * Events that each line saw and that the tape had before the rows were read: of trades, changes and ticks together for
   * those tables, of the table itself for the others. What came later makes another version.
   */
  events: z.object({ a: count, b: count, c: count, tape: count }),
  /** Number of the last repair that changed rows of the table on this day before they were read; 0 where none did. */
  last_repair: count.default(0),
});
export type Completeness = z.infer<typeof completenessShape>;
/** What differs where the rows do. */
export type RowsSeen = Pick<Completeness, 'events' | 'last_repair'>;

const manifestShape = z.object({
  schema: z.number().int().positive().default(1),
  table: z.string(),
  date: z.string(),
  venue: z.string(),
  /** From 1; one more whenever the rows of a file are others than before. */
  version: z.number().int().positive(),
  /** Each with instruments of its own; one, unless there are millions of rows. */
  files: z.array(tapeFile).min(1),
  sorted_by: z.array(z.string()),
  time: timeBounds.extend({ column: z.string() }),
  completeness: completenessShape,
  /** Microseconds. */
  exported_at: micros,
  /** Files of versions before, the newest first, each kept under its key. */
  superseded: z.array(
    file.extend({
      version: z.number().int().positive(),
      exported_at: micros,
      arrivals: arrivals.optional(),
    }),
  ),
});

/** What the files of a table, day and venue hold, how far they can be trusted, and what they were before. */
export type Manifest = z.infer<typeof manifestShape>;

export interface Partition {
  readonly table: string;
  /** `2026-11-20`, UTC. */
  readonly date: string;
  readonly venue: string;
}

const folder = ({ table, date, venue }: Partition): string => `${table}/date=${date}/venue=${venue}`;

/** Files are told apart by their number; the first, which most days have alone, has none. */
const numbered = (name: string, index: number): string => (index === 0 ? name : `${name}-${index}`);

/**
 * Where a reader who goes by names alone finds a file of the tape. It is put there once, and follows what the manifest
 * names later. @param index from 0.
 */
export const plainKey = (partition: Partition, index: number): string =>
  `tape/${folder(partition)}/${numbered('tape', index)}.parquet`;

/** Where a file of these contents lies that is not, or may not stay, under its plain name; never anything else. */
export const versionKey = (partition: Partition, sha256: string): string =>
  `versions/${folder(partition)}/${sha256.slice(0, 16)}.parquet`;

/** Beside the tables' own prefix, where a reader of Parquet would take it for data. */
export const manifestKey = (partition: Partition): string => `manifests/${folder(partition)}/manifest.json`;

/** Every table, day and venue that has a manifest. */
export async function* partitionsIn(store: ObjectStore): AsyncGenerator<Partition> {
  for await (const key of store.list('manifests/')) {
    const [, table, date, venue] =
      /^manifests\/([^/]+)\/date=(\d{4}-\d{2}-\d{2})\/venue=([^/]+)\/manifest\.json$/.exec(key) ?? [];
    if (table !== undefined && date !== undefined && venue !== undefined) yield { table, date, venue };
  }
}

/** @returns null where nothing was exported. @throws Error naming the key of a manifest that is none. */
export async function readManifest(store: ObjectStore, partition: Partition): Promise<Manifest | null> {
  const key = manifestKey(partition);
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return null;
    throw error;
  }
  try {
    return manifestShape.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${key} is no manifest: ${reason}`);
  }
}

/** Rows of all files. */
export const rowsIn = ({ files }: Pick<Manifest, 'files'>): number =>
  files.reduce((sum, { rows }) => sum + rows, 0);

export async function writeManifest(store: ObjectStore, manifest: Manifest): Promise<void> {
  await store.put(manifestKey(manifest), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}
