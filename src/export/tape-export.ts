import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import { ObjectNotFoundError, type ObjectStore } from '../archive/object-store.ts';
import { atOneMoment } from '../storage/production/one-moment.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Clock, Micros } from '../units/time.ts';
import { completenessOf, exportedRows } from './exported-rows.ts';
import type { ExportedTable } from './exported-tables.ts';
import {
  fileKey,
  type Manifest,
  type Partition,
  readManifest,
  SCHEMA_VERSION,
  supersededKey,
  writeManifest,
} from './manifest.ts';
import { ParquetFile, type WrittenFile } from './parquet-file.ts';

/**
 * `written`: for the first time. `replaced`: other rows than before, so a new version. `unchanged`: the same rows.
 * `empty`: no rows and no file. `unsettled`: not every running line is merged past the day yet; left for later.
 * `refused`: there are fewer rows than in the file, as after retention; the file stays.
 */
export type ExportOutcome = 'written' | 'replaced' | 'unchanged' | 'empty' | 'unsettled' | 'refused';

export interface ExportReport extends Partition {
  readonly outcome: ExportOutcome;
  readonly version: number | null;
  readonly rows: number;
  readonly bytes: number;
}

export interface ExportOptions {
  /** A session on the tape. */
  readonly client: ClientBase;
  readonly store: ObjectStore;
  /** A folder for the file that is being written. */
  readonly scratch: string;
  readonly clock: Clock;
  readonly rules: TapeRules;
  /** Export days, too, that not every running line is merged past. */
  readonly unsettled?: boolean;
  /** Replace a file by one with fewer rows. */
  readonly allowFewer?: boolean;
  readonly rowsPerGroup?: number;
  /** Told after every row how many there were. */
  readonly onRow?: () => void;
}

interface Made {
  readonly file: WrittenFile;
  readonly time: { from: Micros; to: Micros };
}

/** Brings days of the tape into files. Doing it again changes only what has changed on the tape. */
export class TapeExport {
  readonly #options: ExportOptions;

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /** Exports a table's rows of one day and venue, as they are at one moment. */
  async export(table: ExportedTable, date: string, venue: string): Promise<ExportReport> {
    const partition: Partition = { table: table.name, date, venue };
    const { client, scratch, rules } = this.#options;
    const path = join(scratch, `${table.name}-${date}-${venue}.parquet`);
    try {
      const found = await atOneMoment(client, async () => {
        const completeness = await completenessOf(client, partition, rules);
        if (!completeness.settled && this.#options.unsettled !== true) return null;
        return { completeness, made: await this.#write(table, partition, path) };
      });
      if (found === null) return { ...partition, outcome: 'unsettled', version: null, rows: 0, bytes: 0 };
      return await this.#place(table, partition, path, found.completeness, found.made);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #write(table: ExportedTable, partition: Partition, path: string): Promise<Made | null> {
    const { client, rowsPerGroup, onRow } = this.#options;
    let file: ParquetFile | null = null;
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    try {
      for await (const row of exportedRows(client, table, partition)) {
        file ??= new ParquetFile(path, table.columns, rowsPerGroup);
        file.append(table.columns.map(({ name }) => row[name]));
        const at = Number(row[table.time]);
        from = Math.min(from, at);
        to = Math.max(to, at);
        onRow?.();
      }
      return file === null
        ? null
        : { file: await file.finish(), time: { from: from as Micros, to: to as Micros } };
    } catch (error) {
      file?.abandon();
      throw error;
    }
  }

  async #place(
    table: ExportedTable,
    partition: Partition,
    path: string,
    completeness: Manifest['completeness'],
    made: Made | null,
  ): Promise<ExportReport> {
    const { store, clock } = this.#options;
    const before = await readManifest(store, partition);
    const report = (outcome: ExportOutcome, manifest: Manifest | null): ExportReport => ({
      ...partition,
      outcome,
      version: manifest?.version ?? null,
      rows: manifest?.file.rows ?? 0,
      bytes: manifest?.file.bytes ?? 0,
    });
    if (before === null && made === null) return report('empty', null);
    if (before !== null && (made === null || made.file.rows < before.file.rows)) {
      if (made === null || this.#options.allowFewer !== true) return report('refused', before);
    }
    const { file, time } = made!;
    if (before !== null && file.sha256 === before.file.sha256) {
      // What is known about the rows may have changed, and a run that died may have left another file behind.
      await this.#restore(partition, path, file);
      const manifest: Manifest = { ...before, completeness };
      if (!isDeepStrictEqual(manifest, before)) await writeManifest(store, manifest);
      return report('unchanged', manifest);
    }
    const manifest: Manifest = {
      schema: SCHEMA_VERSION,
      ...partition,
      version: (before?.version ?? 0) + 1,
      file: {
        key: fileKey(partition),
        rows: file.rows,
        bytes: file.bytes,
        sha256: file.sha256,
        row_groups: file.rowGroups,
      },
      sorted_by: [...table.sortedBy],
      time: { column: table.time, ...time },
      completeness,
      exported_at: clock(),
      superseded: before === null ? [] : [await this.#keep(partition, before), ...before.superseded],
    };
    await this.#put(partition, path, file);
    // Last: whoever finds the manifest finds the file that it describes, or a newer one by its checksum.
    await writeManifest(store, manifest);
    return report(before === null ? 'written' : 'replaced', manifest);
  }

  async #put(partition: Partition, path: string, { sha256, rows }: WrittenFile): Promise<void> {
    await this.#options.store.put(fileKey(partition), { file: path }, { sha256, rows: String(rows) });
  }

  async #restore(partition: Partition, path: string, file: WrittenFile): Promise<void> {
    const key = fileKey(partition);
    const placed = await checksumOf(this.#options.store, key);
    if (placed !== file.sha256) await this.#put(partition, path, file);
  }

  /** Keeps the version that is about to be replaced; once, so that a run that died after it cannot spoil it. */
  async #keep(partition: Partition, before: Manifest): Promise<Manifest['superseded'][number]> {
    const { store } = this.#options;
    const key = supersededKey(partition, before.version);
    const { rows, bytes, sha256 } = before.file;
    if ((await checksumOf(store, key)) === null)
      await store.put(key, await store.get(fileKey(partition)), { sha256, rows: String(rows) });
    return { version: before.version, key, rows, bytes, sha256, exported_at: before.exported_at };
  }
}

/** The checksum that a file was placed with; null where there is no file. */
async function checksumOf(store: ObjectStore, key: string): Promise<string | null> {
  try {
    return (await store.metadata(key))['sha256'] ?? '';
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return null;
    throw error;
  }
}
