import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import { ObjectNotFoundError, type ObjectStore } from '../archive/object-store.ts';
import { atOneMoment } from '../storage/production/one-moment.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Clock, Micros } from '../units/time.ts';
import { completenessOf, exportedRows, hasRows, isSettled, rowsSeen } from './exported-rows.ts';
import type { ExportedTable } from './exported-tables.ts';
import { ROWS_PER_FILE, rangesOf } from './file-ranges.ts';
import {
  type Completeness,
  fileKey,
  type Manifest,
  type Partition,
  type RowsSeen,
  readManifest,
  SCHEMA_VERSION,
  type SubjectRange,
  supersededKey,
  type TapeFile,
  writeManifest,
} from './manifest.ts';
import { ParquetFile, type WrittenFile } from './parquet-file.ts';

/**
 * `written`: for the first time. `replaced`: other rows than before, so a new version. `unchanged`: the same rows.
 * `empty`: no rows and no file. `refused`: there are fewer rows than in the file, as after retention; the file stays.
 */
export type FileOutcome = 'written' | 'replaced' | 'unchanged' | 'empty' | 'refused';

/** As of a file; `unsettled`: not every running line is merged past the day yet; left for later. */
export type ExportOutcome = FileOutcome | 'unsettled';

export interface ExportReport extends Partition {
  readonly outcome: ExportOutcome;
  readonly version: number | null;
  readonly rows: number;
  readonly bytes: number;
}

/** What became of one file; `file` is what lies there now, null where there is none. */
export interface FileReport {
  readonly outcome: FileOutcome;
  readonly file: TapeFile | null;
}

/** A table, day and venue that is to be exported: into which files, and what is known of it before they are read. */
export interface PartitionPlan {
  readonly partition: Partition;
  readonly completeness: Completeness;
  readonly ranges: readonly SubjectRange[];
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
  /** Beyond it a table, day and venue goes into several files. */
  readonly rowsPerFile?: number;
  /** Told after every row how many there were. */
  readonly onRow?: () => void;
}

interface Made {
  readonly file: WrittenFile;
  readonly time: { from: Micros; to: Micros };
}

/**
 * Brings days of the tape into files. Doing it again changes only what has changed on the tape. A plan, its files in any
 * order or at once and by several processes, then the manifest: `export` does all of it one after the other.
 */
export class TapeExport {
  readonly #options: ExportOptions;

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /** Exports a table's rows of one day and venue; every file is of one moment. */
  async export(table: ExportedTable, date: string, venue: string): Promise<ExportReport> {
    const partition: Partition = { table: table.name, date, venue };
    const plan = await this.plan(table, partition);
    if (plan === null) return { ...partition, outcome: 'unsettled', version: null, rows: 0, bytes: 0 };
    const files: FileReport[] = [];
    for (const [index, range] of plan.ranges.entries()) {
      files.push(await this.writeFile(table, partition, index, range));
    }
    return await this.finish(table, plan, files);
  }

  /**
   * How a table, day and venue goes into files. Files that are there keep their instruments, so that a late row changes
   * one of them. Null while the day is not settled.
   */
  async plan(table: ExportedTable, partition: Partition): Promise<PartitionPlan | null> {
    const { client, rules, store } = this.#options;
    return await atOneMoment(client, async () => {
      const completeness = await completenessOf(client, table, partition, rules);
      if (!completeness.settled && this.#options.unsettled !== true) return null;
      const before = await readManifest(store, partition);
      return { partition, completeness, ranges: await this.#ranges(table, partition, before) };
    });
  }

  /**
   * As `plan`, where files have to be made or made anew: `done` where they hold what the tape has, or where retention has
   * taken the rows since.
   */
  async due(table: ExportedTable, partition: Partition): Promise<PartitionPlan | 'unsettled' | 'done'> {
    const { client, rules, store } = this.#options;
    return await atOneMoment(client, async () => {
      if (!(await isSettled(client, partition, rules))) return 'unsettled';
      if (!(await hasRows(client, table, partition))) return 'done';
      const before = await readManifest(store, partition);
      if (
        before?.completeness.settled === true &&
        isOfSameRows(before.completeness, await rowsSeen(client, table, partition))
      )
        return 'done';
      const completeness = await completenessOf(client, table, partition, rules);
      const ranges = await this.#ranges(table, partition, before);
      return ranges.length === 0 ? 'done' : { partition, completeness, ranges };
    });
  }

  async #ranges(
    table: ExportedTable,
    partition: Partition,
    before: Manifest | null,
  ): Promise<readonly SubjectRange[]> {
    const { client, rowsPerFile = ROWS_PER_FILE } = this.#options;
    return before === null
      ? await rangesOf(client, table, partition, rowsPerFile)
      : before.files.map(({ range }) => range);
  }

  /** Brings the rows of some instruments into their file; the file before is kept first. */
  async writeFile(
    table: ExportedTable,
    partition: Partition,
    index: number,
    range: SubjectRange,
  ): Promise<FileReport> {
    const { store, scratch } = this.#options;
    const path = join(scratch, `${table.name}-${partition.date}-${partition.venue}-${index}.parquet`);
    try {
      const made = await this.#write(table, partition, range, path);
      const manifest = await readManifest(store, partition);
      const before = manifest?.files[index] ?? null;
      if (made === null) return { outcome: before === null ? 'empty' : 'refused', file: before };
      const { rows, bytes, sha256, rowGroups } = made.file;
      const key = fileKey(partition, index);
      const file: TapeFile = { key, rows, bytes, sha256, row_groups: rowGroups, range, time: made.time };
      if (before === null) {
        await this.#put(key, path, file);
        return { outcome: 'written', file };
      }
      if (sha256 === before.sha256) {
        // A run that died may have left another file behind.
        if ((await checksumOf(store, key)) !== sha256) await this.#put(key, path, file);
        return { outcome: 'unchanged', file };
      }
      if (rows < before.rows && this.#options.allowFewer !== true)
        return { outcome: 'refused', file: before };
      await this.#keep(supersededKey(partition, manifest!.version, index), before);
      await this.#put(key, path, file);
      return { outcome: 'replaced', file };
    } finally {
      await rm(path, { force: true });
    }
  }

  /**
   * Writes the manifest of files that are in their place. Last: whoever finds the manifest finds the files that it
   * describes, or newer ones by their checksums. Doing it again with the same reports makes no other version. Where a file was
   * refused, what the manifest said of the day before is kept: the day stays due.
   *
   * @param reports one for each range of the plan, in its order.
   * @throws Error when some files have lost all their rows while others were written, as when the day was dropped meanwhile.
   */
  async finish(
    table: ExportedTable,
    { partition, completeness }: PartitionPlan,
    reports: readonly FileReport[],
  ): Promise<ExportReport> {
    const { store, clock } = this.#options;
    const before = await readManifest(store, partition);
    const files = reports.flatMap(({ file }) => file ?? []);
    const has = (outcome: FileOutcome): boolean => reports.some((report) => report.outcome === outcome);
    if (has('empty') && reports.length > 1) {
      throw new Error(`rows of ${Object.values(partition).join(', ')} went while they were exported`);
    }
    const outcome = (['refused', 'replaced', 'written', 'unchanged'] as const).find(has) ?? 'empty';
    let manifest = before;
    // A retry of a run that wrote its manifest finds its own files in it.
    const isThere = before !== null && isDeepStrictEqual(before.files, files);
    const known = has('refused') && before !== null ? before.completeness : completeness;
    if ((has('replaced') || has('written')) && !isThere) {
      const superseded = reports.flatMap((report, index) =>
        report.outcome === 'replaced' ? superseding(partition, before!, index) : [],
      );
      manifest = {
        schema: SCHEMA_VERSION,
        ...partition,
        version: (before?.version ?? 0) + 1,
        files,
        sorted_by: [...table.sortedBy],
        time: {
          column: table.time,
          from: Math.min(...files.map(({ time }) => time.from)),
          to: Math.max(...files.map(({ time }) => time.to)),
        },
        completeness: known,
        exported_at: clock(),
        superseded: [...superseded, ...(before?.superseded ?? [])],
      };
    } else if (before !== null) {
      // What is known about the same rows may have changed.
      manifest = { ...before, completeness: known };
    }
    if (manifest !== null && !isDeepStrictEqual(manifest, before)) await writeManifest(store, manifest);
    const sum = (figure: 'rows' | 'bytes'): number =>
      (manifest?.files ?? []).reduce((total, file) => total + file[figure], 0);
    return {
      ...partition,
      outcome,
      version: manifest?.version ?? null,
      rows: sum('rows'),
      bytes: sum('bytes'),
    };
  }

  async #write(
    table: ExportedTable,
    partition: Partition,
    range: SubjectRange,
    path: string,
  ): Promise<Made | null> {
    const { client, rowsPerGroup, onRow } = this.#options;
    let file: ParquetFile | null = null;
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    try {
      for await (const row of exportedRows(client, table, partition, range)) {
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

  async #put(key: string, path: string, { sha256, rows }: TapeFile): Promise<void> {
    await this.#options.store.put(key, { file: path }, { sha256, rows: String(rows) });
  }

  /** Keeps the file that is about to be replaced; once, so that a run that died after it cannot spoil it. */
  async #keep(key: string, { key: placed, rows, sha256 }: TapeFile): Promise<void> {
    const { store } = this.#options;
    if ((await checksumOf(store, key)) === null)
      await store.put(key, await store.get(placed), { sha256, rows: String(rows) });
  }
}

/** Whether nothing tells that the rows of the two are others: as many by every line, and none that a repair changed. */
export function isOfSameRows(left: RowsSeen, right: RowsSeen): boolean {
  return left.last_repair === right.last_repair && isDeepStrictEqual(left.events, right.events);
}

/** What the manifest says of a file that was replaced. */
function superseding(partition: Partition, before: Manifest, index: number): Manifest['superseded'][number] {
  const { rows, bytes, sha256 } = before.files[index]!;
  const key = supersededKey(partition, before.version, index);
  return { version: before.version, key, rows, bytes, sha256, exported_at: before.exported_at };
}

/** The checksum that a file was placed with; null where there is no file. */
export async function checksumOf(store: ObjectStore, key: string): Promise<string | null> {
  try {
    return (await store.metadata(key))['sha256'] ?? '';
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return null;
    throw error;
  }
}
