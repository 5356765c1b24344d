import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import type { ObjectStore } from '../archive/object-store.ts';
import { atOneMoment } from '../storage/production/one-moment.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Clock, Micros } from '../units/time.ts';
import { completenessOf, exportedRows, hasRows, isSettled, rowsSeen } from './exported-rows.ts';
import { type ExportedTable, exportedTables } from './exported-tables.ts';
import { FilePlaces, isOfToday, missingOf } from './file-places.ts';
import { ROWS_PER_FILE, rangesOf } from './file-ranges.ts';
import {
  type Completeness,
  type Manifest,
  type Partition,
  partitionsIn,
  type RowsSeen,
  readManifest,
  SCHEMA_VERSION,
  type SubjectRange,
  type TapeFile,
  versionKey,
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

/** What became of one file; `file` is what the manifest is to tell, null where there is none. */
export interface FileReport {
  readonly outcome: FileOutcome;
  readonly file: TapeFile | null;
}

/** A table, day and venue that is to be exported: into which files, and what is known of it before they are read. */
export interface PartitionPlan {
  readonly partition: Partition;
  /** Of the manifest that was there then; null where there was none. */
  readonly version: number | null;
  readonly completeness: Completeness;
  readonly ranges: readonly SubjectRange[];
}

/** Files of two exports would be mixed: a manifest came after the plan. To plan anew finds what is left to do. */
export class AnotherExportError extends Error {
  override readonly name = 'AnotherExportError';

  constructor({ table, date, venue }: Partition) {
    super(`another export has written ${table}, ${date}, ${venue} meanwhile`);
  }
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
  readonly arrivals: WrittenFile | null;
  readonly time: { from: Micros; to: Micros };
}

/**
 * Brings days of the tape into files. Doing it again changes only what has changed on the tape. A plan, its files in any
 * order or at once and by several processes, then the manifest: `export` does all of it one after the other.
 */
export class TapeExport {
  readonly #options: ExportOptions;
  readonly #places: FilePlaces;

  constructor(options: ExportOptions) {
    this.#options = options;
    this.#places = new FilePlaces(options.store);
  }

  /** Exports a table's rows of one day and venue; every file is of one moment. */
  async export(table: ExportedTable, date: string, venue: string): Promise<ExportReport> {
    const partition: Partition = { table: table.name, date, venue };
    const plan = await this.plan(table, partition);
    if (plan === null) return { ...partition, outcome: 'unsettled', version: null, rows: 0, bytes: 0 };
    const files: FileReport[] = [];
    for (const [index, range] of plan.ranges.entries()) {
      files.push(await this.writeFile(table, plan, index, range));
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
      const ranges = await this.#ranges(table, partition, before);
      return { partition, version: before?.version ?? null, completeness, ranges };
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
        isOfToday(before, table.arrivals !== undefined) &&
        isOfSameRows(before.completeness, await rowsSeen(client, table, partition))
      )
        return 'done';
      const completeness = await completenessOf(client, table, partition, rules);
      const ranges = await this.#ranges(table, partition, before);
      if (ranges.length === 0) return 'done';
      return { partition, version: before?.version ?? null, completeness, ranges };
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

  /**
   * Brings the rows of some instruments into a file, of changes into two, read at one moment. What the manifest names
   * stays as it is, for those who are reading it.
   *
   * @throws AnotherExportError where the manifest is not the one of the plan.
   */
  async writeFile(
    table: ExportedTable,
    { partition, version }: Pick<PartitionPlan, 'partition' | 'version'>,
    index: number,
    range: SubjectRange,
  ): Promise<FileReport> {
    const { scratch, store, allowFewer } = this.#options;
    const path = join(scratch, `${table.name}-${partition.date}-${partition.venue}-${index}.parquet`);
    const beside = `${path}.arrivals`;
    try {
      const made = await this.#write(table, partition, range, path, beside);
      const manifest = await readManifest(store, partition);
      const before = manifest?.files[index] ?? null;
      if (
        (manifest?.version ?? null) !== version ||
        (manifest !== null && !isDeepStrictEqual(before?.range, range))
      )
        throw new AnotherExportError(partition);
      if (made === null) return { outcome: before === null ? 'empty' : 'refused', file: before };
      const { rows, bytes, sha256, rowGroups } = made.file;
      if (before !== null && rows < before.rows && allowFewer !== true)
        return { outcome: 'refused', file: before };
      const rest = { rows, bytes, sha256, row_groups: rowGroups, range, time: made.time };
      if (before !== null && isSame(before, made)) {
        // Somebody may have taken away or spoilt what a manifest tells of.
        await this.#places.mend(before.key, path, rest);
        if (before.arrivals !== undefined)
          await this.#places.mend(before.arrivals.key, beside, { ...before.arrivals, rows });
        return { outcome: 'unchanged', file: before };
      }
      if (before !== null) await this.#keep(table, partition, before);
      const file: TapeFile = { key: await this.#places.put(partition, index, { file: path }, rest), ...rest };
      if (made.arrivals !== null) {
        const { bytes: size, sha256: sum } = made.arrivals;
        const apart = { ...partition, table: table.arrivals!.name };
        const key = await this.#places.put(apart, index, { file: beside }, { rows, sha256: sum });
        file.arrivals = { key, bytes: size, sha256: sum };
      }
      return { outcome: before === null ? 'written' : 'replaced', file };
    } finally {
      await rm(path, { force: true });
      await rm(beside, { force: true });
    }
  }

  /** What was ever exported to this place. */
  async *exported(): AsyncGenerator<{ readonly table: ExportedTable; readonly partition: Partition }> {
    for await (const partition of partitionsIn(this.#options.store)) {
      const table = exportedTables.find(({ name }) => name === partition.table);
      if (table !== undefined) yield { table, partition };
    }
  }

  /**
   * Brings what the manifest names to where readers look who go by names alone, an hour after it was written.
   *
   * @returns false while it is too early for that
   */
  async follow(table: ExportedTable, partition: Partition): Promise<boolean> {
    return await this.#places.follow(partition, table.arrivals?.name ?? null, this.#options.clock());
  }

  /**
   * Writes the manifest of files that are in their place, at once for all of them, and last: whoever finds a manifest
   * finds the files that it names as it describes them. Doing it again with the same reports makes no other version. Where a file was
   * refused, what the manifest said of the day before is kept: the day stays due.
   *
   * @param reports one for each range of the plan, in its order.
   * @throws AnotherExportError where the manifest is neither the one of the plan nor made of these reports.
   * @throws Error when some files have lost all their rows while others were written, as when the day was dropped meanwhile.
   */
  async finish(
    table: ExportedTable,
    { partition, version, completeness }: Omit<PartitionPlan, 'ranges'>,
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
    if (!isThere && (before?.version ?? null) !== version) throw new AnotherExportError(partition);
    const known = has('refused') && before !== null ? before.completeness : completeness;
    if ((has('replaced') || has('written')) && !isThere) {
      const superseded: Manifest['superseded'] = [];
      for (const [index, report] of reports.entries()) {
        if (report.outcome !== 'replaced') continue;
        const old = superseding(table, partition, before!, index);
        // What was lost or spoilt before it was replaced could not be kept.
        if ((await missingOf(store, old)) === null) superseded.push(old);
      }
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
    const sum = (figure: (file: TapeFile) => number): number =>
      (manifest?.files ?? []).reduce((total, file) => total + figure(file), 0);
    return {
      ...partition,
      outcome,
      version: manifest?.version ?? null,
      rows: sum(({ rows }) => rows),
      bytes: sum(({ bytes, arrivals }) => bytes + (arrivals?.bytes ?? 0)),
    };
  }

  async #write(
    table: ExportedTable,
    partition: Partition,
    range: SubjectRange,
    path: string,
    beside: string,
  ): Promise<Made | null> {
    const { client, rowsPerGroup, onRow } = this.#options;
    const parts: { readonly file: ParquetFile; readonly columns: readonly string[] }[] = [];
    const open = (place: string, { columns }: ExportedTable): void => {
      const file = new ParquetFile(place, columns, rowsPerGroup);
      parts.push({ file, columns: columns.map(({ name }) => name) });
    };
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    try {
      for await (const row of exportedRows(client, table, partition, range)) {
        if (parts.length === 0) {
          open(path, table);
          if (table.arrivals !== undefined) open(beside, table.arrivals);
        }
        for (const { file, columns } of parts) file.append(columns.map((name) => row[name]));
        const at = Number(row[table.time]);
        from = Math.min(from, at);
        to = Math.max(to, at);
        onRow?.();
      }
      const [file, arrivals] = parts;
      if (file === undefined) return null;
      return {
        file: await file.file.finish(),
        arrivals: (await arrivals?.file.finish()) ?? null,
        time: { from: from as Micros, to: to as Micros },
      };
    } catch (error) {
      for (const { file } of parts) file.abandon();
      throw error;
    }
  }

  /** Keeps the files that the next manifest will supersede. */
  async #keep(table: ExportedTable, partition: Partition, before: TapeFile): Promise<void> {
    await this.#places.keep(partition, before.key, before);
    if (before.arrivals === undefined) return;
    const { key, sha256 } = before.arrivals;
    await this.#places.keep({ ...partition, table: table.arrivals!.name }, key, {
      rows: before.rows,
      sha256,
    });
  }
}

/** Whether a file of before holds what was made now, of changes with how they came. */
const isSame = ({ sha256, arrivals }: TapeFile, made: Made): boolean =>
  sha256 === made.file.sha256 && arrivals?.sha256 === made.arrivals?.sha256;

/** Whether nothing tells that the rows of the two are others: as many by every line, and none that a repair changed. */
export function isOfSameRows(left: RowsSeen, right: RowsSeen): boolean {
  return left.last_repair === right.last_repair && isDeepStrictEqual(left.events, right.events);
}

/** What the manifest says of a file that was replaced. */
function superseding(
  table: ExportedTable,
  partition: Partition,
  { version, files, exported_at }: Manifest,
  index: number,
): Manifest['superseded'][number] {
  const { rows, bytes, sha256, arrivals } = files[index]!;
  const superseded = { version, key: versionKey(partition, sha256), rows, bytes, sha256, exported_at };
  if (arrivals === undefined) return superseded;
  const key = versionKey({ ...partition, table: table.arrivals!.name }, arrivals.sha256);
  return { ...superseded, arrivals: { ...arrivals, key } };
}
