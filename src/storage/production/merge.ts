import type { Client, ClientBase } from 'pg';
import { venueNames } from '../../events/event.ts';
import { mergeHorizon } from '../../tape/horizon.ts';
import type { AccountRules } from '../../tape/line-account.ts';
import type { TapeRules } from '../../tape/rules.ts';
import type { Clock, Micros } from '../../units/time.ts';
import { eventTables, marketLifecycle } from '../tables.ts';
import { alignAnnouncements } from './announcement-merge.ts';
import {
  latestMergeStatement,
  latestReadStatement,
  latestStageStatement,
  latestTables,
} from './catalogue-merge.ts';
import { doubtHours, moveHoursToMarkets, settleHours } from './coverage-hours.ts';
import { moveCursor, readCursors } from './cursors.ts';
import {
  gapReadStatement,
  gapStageStatement,
  readLives,
  recomputeTapeGaps,
  storeLineGaps,
  storeLives,
  storeRestoration,
  type Touched,
} from './gap-merge.ts';
import { LineAway } from './line-away.ts';
import { type Cursor, type Heartbeats, LineReader, type Reading } from './line-reader.ts';
import {
  alignStatements,
  fillStatement,
  type LineName,
  lineNames,
  mergeStatement,
  partitionStatement,
  readStatement,
  stageStatement,
} from './merge-statements.ts';
import { refreshRollups } from './rollups.ts';
import type { RowsUnderWay } from './rows-under-way.ts';

/** Key of the advisory lock: one merge at a time, wherever it runs. */
export const MERGE_LOCK = 7_203_114_606;
/** Heartbeats whose events are still being read; older ones are enough when there are more. */
const MAX_PENDING_HEARTBEATS = 64;
/** By then most rows of a minute are merged, microseconds from its beginning. */
const ROLLUP_DELAY = 90_000_000;

export interface MergeOptions {
  /** A session of the tape's database for this merge alone. Asked at every run. */
  readonly production: () => Promise<ClientBase>;
  /**
   * A session of each line's database; rejects when there is none. Asked at every run: a session whose reading
   * was cut off is ended.
   */
  readonly line: (line: LineName) => Promise<Client>;
  readonly clock: Clock;
  /** Gives a new UUID at every call. */
  readonly newMark: () => string;
  /** About how many rows of one table of one line are read in one run. */
  readonly rowsPerRun: number;
  readonly rules: TapeRules;
  /** Name under which the cursors are kept. */
  readonly consumer?: string;
}

export interface TableReport {
  readonly read: Readonly<Partial<Record<LineName, number>>>;
  /** Rows that are new on the tape. */
  readonly inserted: number;
  /** Rows that were on the tape and that another line has now confirmed. */
  readonly updated: number;
}

export interface MergeReport {
  /** Why nothing was done, or null. */
  readonly skipped: string | null;
  readonly tables: Readonly<Record<string, TableReport>>;
  /** Whether there is more to read at once. */
  readonly behind: boolean;
  /** Lines that could not be read, with the reason. */
  readonly away: Readonly<Partial<Record<LineName, string>>>;
  /** Tables, as `line.table`, that are read from their beginning again: the line's database was restored or rebuilt. */
  readonly reread: readonly string[];
}

/** One table as the merge reads it. */
interface Source {
  readonly name: string;
  readonly stage: string;
  readonly read: (line: LineName) => string;
  /** Runs on the filled stage. */
  readonly store: () => Promise<{ inserted: number; updated: number }>;
}

interface OpenLine {
  readonly reader: LineReader;
  readonly readings: ReadonlyMap<string, Reading>;
  readonly mark: string;
  readonly behind: boolean;
  /** The database lost what it had after some time: restored or rebuilt since the last merge. */
  readonly isRestored: boolean;
}

/**
 * Carries what three lines stored to the one tape: each event once, whatever the order, however often. Reads by
 * cursor; rows and cursors are committed together, so a merge that is cut off anywhere is as if it had not been.
 */
export class TapeMerge {
  readonly #options: MergeOptions;
  readonly #consumer: string;
  /** Heartbeats that were read before all events below them were; per line, oldest first. */
  readonly #pending = new Map<LineName, { history: string; heartbeats: Heartbeats }[]>();
  #touched: Touched[] = [];

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#consumer = options.consumer ?? 'tape';
  }

  /** One pass over all tables. @throws when the tape's own database fails; nothing is half done then. */
  async run(): Promise<MergeReport> {
    const production = await this.#options.production();
    const nothing = { tables: {}, behind: false, away: {}, reread: [] };
    const { rows } = await production.query<{ version: number; locked: boolean }>(
      `SELECT current_setting('server_version_num')::integer AS version, pg_try_advisory_lock($1) AS locked`,
      [MERGE_LOCK],
    );
    if (!rows[0]!.locked) return { ...nothing, skipped: 'another merge is running' };
    try {
      // Refused by the server once the session has made temporary tables; it keeps what it has then.
      await production.query("SET temp_buffers = '64MB'").catch(() => {});
      if (rows[0]!.version < 180_000) {
        throw new Error(`the tape's database must be PostgreSQL 18 or later, this is ${rows[0]!.version}`);
      }
      return await this.#merge(production);
    } finally {
      await production.query('SELECT pg_advisory_unlock($1)', [MERGE_LOCK]).catch(() => {});
    }
  }

  async #merge(production: ClientBase): Promise<MergeReport> {
    const away: Partial<Record<LineName, string>> = {};
    const reread: string[] = [];
    const lines = new Map<LineName, OpenLine>();
    const sources = this.#sources(production);
    const cursors = await readCursors(production, this.#consumer);
    await Promise.all(
      lineNames.map(async (name) => {
        try {
          lines.set(name, await this.#open(name, cursors.get(name)!, sources, reread));
        } catch (error) {
          if (!(error instanceof LineAway)) throw error;
          away[name] = error.message;
        }
      }),
    );
    const tables: Record<string, TableReport> = {};
    for (const source of sources) {
      tables[source.name] = await this.#mergeSource(production, source, lines, away);
    }
    await refreshRollups(production, (this.#options.clock() - ROLLUP_DELAY) as Micros);
    const moved = await readCursors(production, this.#consumer);
    for (const [name, { reader }] of lines) {
      const marks = new Set([...moved.get(name)!.values()].map(({ mark }) => mark));
      await reader.forgetMarksExcept([...marks]).catch((error: Error) => {
        away[name] = error.message;
      });
    }
    return {
      skipped: null,
      tables,
      behind: [...lines.values()].some(({ behind }) => behind),
      away,
      reread: reread.sort(),
    };
  }

  /** What to read of a line, and a word left there that the cursors will name. */
  async #open(
    name: LineName,
    cursors: ReadonlyMap<string, Cursor>,
    sources: readonly Source[],
    reread: string[],
  ): Promise<OpenLine> {
    const { line, rowsPerRun, newMark } = this.#options;
    let client: Client;
    try {
      client = await line(name);
    } catch (error) {
      throw new LineAway(name, error);
    }
    const reader = await LineReader.open(name, client, this.#consumer);
    const readings = new Map<string, Reading>();
    let behind = false;
    for (const { name: table } of sources) {
      const cursor = cursors.get(table);
      const isKnown = cursor !== undefined && reader.isOfThisHistory(cursor);
      if (cursor !== undefined && !isKnown) reread.push(`${name}.${table}`);
      const reading = await reader.ahead(table, isKnown ? cursor.next : 0n, rowsPerRun);
      if (reading.to < reader.bound) behind = true;
      if (reading.rows > 0 || (cursor !== undefined && !isKnown)) readings.set(table, reading);
    }
    this.#rememberHeartbeats(name, reader);
    const mark = newMark();
    if (readings.size > 0) await reader.leaveMark(mark);
    const isRestored = reread.includes(`${name}.gaps`);
    return { reader, readings, mark, behind, isRestored };
  }

  #rememberHeartbeats(name: LineName, { history, heartbeats }: LineReader): void {
    const pending = (this.#pending.get(name) ?? []).filter((item) => item.history === history);
    if (pending.length < MAX_PENDING_HEARTBEATS) pending.push({ history, heartbeats });
    this.#pending.set(name, pending);
  }

  async #mergeSource(
    production: ClientBase,
    source: Source,
    lines: Map<LineName, OpenLine>,
    away: Partial<Record<LineName, string>>,
  ): Promise<TableReport> {
    for (;;) {
      const taking = [...lines].filter(([, { readings }]) => readings.has(source.name));
      const isLast = source.name === 'gaps';
      if (taking.length === 0 && !isLast) return { read: {}, inserted: 0, updated: 0 };
      const coming = new Map<LineName, RowsUnderWay>();
      // One group per row would not fit into the default memory and go through the disk.
      await production.query("BEGIN; SET LOCAL work_mem = '192MB'");
      try {
        const read: Partial<Record<LineName, number>> = {};
        await production.query(source.stage);
        for (const [name, { reader, readings }] of taking) {
          coming.set(name, await reader.send(readings.get(source.name)!, source.read(name)));
        }
        for (const [name, { reader, readings, mark }] of taking) {
          const reading = readings.get(source.name)!;
          const rows = coming.get(name)!;
          coming.delete(name);
          await rows.pour(production, fillStatement(source.name));
          read[name] = reading.rows;
          await moveCursor(production, this.#consumer, name, {
            table: source.name,
            history: reader.history,
            next: reading.to,
            mark,
          });
        }
        const stored = await source.store();
        if (isLast) await this.#storeLivesAndGaps(production, lines);
        await production.query('COMMIT');
        return { read, ...stored };
      } catch (error) {
        await production.query('ROLLBACK').catch(() => {});
        for (const rows of coming.values()) await rows.drop();
        if (!(error instanceof LineAway)) throw error;
        away[error.line] = error.message;
        lines.delete(error.line);
      }
    }
  }

  /** The heartbeats below which every event and every gap has been read, and what follows for the tape's gaps. */
  async #storeLivesAndGaps(production: ClientBase, lines: ReadonlyMap<LineName, OpenLine>): Promise<void> {
    const { clock, rules } = this.#options;
    const now = clock();
    // Also what is not settled yet: that a line has come so far is known.
    const heard = [...lines.values()].map(({ reader }) => reader.heartbeats.lives);
    for (const [name, line] of lines) {
      if (line.isRestored) {
        this.#touched.push(...(await storeRestoration(production, name, line.mark, now, heard)));
      }
      let settled = line.reader.bound;
      // Gaps too: a line that stored more of them than one run reads would be vouched for over those still unread.
      for (const table of [...eventTables.map(({ name: event }) => event), 'gaps']) {
        const reading = line.readings.get(table);
        if (reading !== undefined && reading.to < settled) settled = reading.to;
      }
      const pending = this.#pending.get(name) ?? [];
      const ready = pending.findLastIndex(({ heartbeats }) => heartbeats.xid < settled);
      if (ready < 0) continue;
      await storeLives(production, name, pending[ready]!.heartbeats.lives);
      this.#pending.set(name, pending.slice(ready));
    }
    const account: AccountRules = {
      now,
      silence: rules.silence,
      arrivalAllowance: rules.arrivalAllowance,
    };
    const lives = await readLives(production);
    await doubtHours(production, await recomputeTapeGaps(production, lives, this.#touched, account, heard));
    const known = [...lives.values()].map((own) => ({ lives: own }));
    for (const venue of venueNames) {
      const horizon = mergeHorizon(known, rules, venue);
      if (horizon !== null) await settleHours(production, venue, horizon);
    }
  }

  #sources(production: ClientBase): Source[] {
    const counts = async (statement: string): Promise<{ inserted: number; updated: number }> => {
      const { rows } = await production.query<{ inserted: number; updated: number }>(statement);
      return rows[0]!;
    };
    return [
      ...eventTables.map(
        (table): Source => ({
          name: table.name,
          stage: stageStatement(table),
          read: (line) => readStatement(table, line),
          store: async () => {
            await production.query(partitionStatement(table));
            if (table.name === marketLifecycle.name) await alignAnnouncements(production);
            for (const statement of alignStatements(table)) await production.query(statement);
            return await counts(mergeStatement(table));
          },
        }),
      ),
      ...latestTables.map(
        (table): Source => ({
          name: table.name,
          stage: latestStageStatement(table),
          read: (line) => latestReadStatement(table, line),
          store: async () => {
            if (table.name === 'instruments') await moveHoursToMarkets(production);
            return await counts(latestMergeStatement(table));
          },
        }),
      ),
      {
        name: 'gaps',
        stage: gapStageStatement,
        read: gapReadStatement,
        store: async () => {
          this.#touched = await storeLineGaps(production);
          return { inserted: this.#touched.length, updated: 0 };
        },
      },
    ];
  }
}
