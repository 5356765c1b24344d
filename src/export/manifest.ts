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

/** Raised whenever files get other columns, or columns another meaning; 1 where a manifest has none. */
export const SCHEMA_VERSION = 2;

const manifestShape = z.object({
  schema: z.number().int().positive().default(1),
  table: z.string(),
  date: z.string(),
  venue: z.string(),
  /** From 1; one more whenever the rows of the file are others than before. */
  version: z.number().int().positive(),
  file: file.extend({ row_groups: count }),
  sorted_by: z.array(z.string()),
  /** Least and greatest venue time of a row, both included, in microseconds. */
  time: z.object({ column: z.string(), from: micros, to: micros }),
  completeness: z.object({
    /** Whether every running line had been merged past the end of the day. */
    settled: z.boolean(),
    /** Up to which venue time they had, in microseconds; null when no line ever ran. */
    settled_until: micros.nullable(),
    /** The tape's gaps that touch the day, those of the whole venue among them. */
    gaps: count,
    gaps_of_whole_venue: count,
    /** Markets and hours of the day by condition. */
    market_hours: z.object({ available: count, degraded: count, pending: count, missing: count }),
  }),
  /** Microseconds. */
  exported_at: micros,
  /** Versions before, the newest first, each kept under its key. */
  superseded: z.array(file.extend({ version: z.number().int().positive(), exported_at: micros })),
});

/** What a file of the tape holds, how far it can be trusted, and what it was before. */
export type Manifest = z.infer<typeof manifestShape>;

export interface Partition {
  readonly table: string;
  /** `2026-11-20`, UTC. */
  readonly date: string;
  readonly venue: string;
}

const folder = ({ table, date, venue }: Partition): string => `${table}/date=${date}/venue=${venue}`;

/** The file that readers of the tape find. */
export const fileKey = (partition: Partition): string => `tape/${folder(partition)}/tape.parquet`;

/** Beside the tables' own prefix, where a reader of Parquet would take it for data. */
export const manifestKey = (partition: Partition): string => `manifests/${folder(partition)}/manifest.json`;

export const supersededKey = (partition: Partition, version: number): string =>
  `superseded/${folder(partition)}/v${version}.parquet`;

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

export async function writeManifest(store: ObjectStore, manifest: Manifest): Promise<void> {
  await store.put(manifestKey(manifest), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}
