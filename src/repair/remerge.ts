import type { Client, ClientBase } from 'pg';
import { type AuditedLines, reachableLines } from '../audit/reachable-lines.ts';
import { Quality } from '../events/captured.ts';
import { venueNames } from '../events/event.ts';
import { daysOf } from '../export/due-exports.ts';
import { dayOf } from '../export/exported-rows.ts';
import { storedDays } from '../retention/stored-days.ts';
import { alignAnnouncements } from '../storage/production/announcement-merge.ts';
import { doubtHours, settleHours } from '../storage/production/coverage-hours.ts';
import {
  gapReadStatement,
  gapStageStatement,
  readLives,
  recomputeTapeGaps,
  storeLineGaps,
  type Touched,
} from '../storage/production/gap-merge.ts';
import { LineReader } from '../storage/production/line-reader.ts';
import { MERGE_LOCK } from '../storage/production/merge.ts';
import {
  alignStatements,
  countedTables,
  fillStatement,
  groupedColumns,
  groupedStatement,
  lineBits,
  mergeStatement,
  partitionStatement,
  readStatement,
  stageOf,
  stageStatement,
} from '../storage/production/merge-statements.ts';
import { type EventTable, eventTables, marketLifecycle } from '../storage/tables.ts';
import { mergeHorizon } from '../tape/horizon.ts';
import type { TapeRules } from '../tape/rules.ts';
import { MICROS_PER_DAY, MICROS_PER_MINUTE, MICROS_PER_SECOND, type Micros } from '../units/time.ts';
import { type RepairEntry, recordRepair } from './repair-log.ts';

export interface RemergeOptions {
  readonly from: Micros;
  readonly to: Micros;
  readonly now: Micros;
  readonly rules: TapeRules;
  /** Finds out what would be changed, and changes nothing. */
  readonly dryRun: boolean;
  /** Name under which the merge keeps its cursors. */
  readonly consumer?: string;
}

export interface RemergeReport {
  /** What was merged again: the interval in whole minutes. */
  readonly from: Micros;
  readonly to: Micros;
  /** By table: rows that were wrong and are gone, that were lacking, and to which something was lacking. */
  readonly changes: RepairEntry['changes'];
  /** By line that was not read: why. */
  readonly away: Readonly<Record<string, string>>;
}

/** Copies of one announcement come to the lines within so long of each other. */
const AROUND = 20 * MICROS_PER_SECOND;

/**
 * Makes the tape of an interval of venue time what the lines' databases say that it is: rows that no line stored go,
 * those that are lacking come, gaps and accounts are reckoned anew. A row that is credited to a line which cannot be
 * read, or which no longer has everything of that time, stays. Everything happens at once or not at all, and again
 * changes nothing.
 *
 * @throws the client's error when a database fails; nothing is half done then
 */
export async function remerge(
  tape: ClientBase,
  lines: AuditedLines,
  options: RemergeOptions,
): Promise<RemergeReport> {
  await tape.query('SELECT pg_advisory_lock($1)', [MERGE_LOCK]);
  try {
    await tape.query("BEGIN; SET LOCAL work_mem = '192MB'");
    try {
      const report = await new Remerge(tape, lines, options).run();
      await tape.query(options.dryRun ? 'ROLLBACK' : 'COMMIT');
      return report;
    } catch (error) {
      await tape.query('ROLLBACK').catch(() => {});
      throw error;
    }
  } finally {
    await tape.query('SELECT pg_advisory_unlock($1)', [MERGE_LOCK]).catch(() => {});
  }
}

class Remerge {
  readonly #tape: ClientBase;
  readonly #lines: AuditedLines;
  readonly #options: RemergeOptions;
  readonly #from: Micros;
  readonly #to: Micros;
  readonly #changes: Record<string, Record<string, number>> = {};

  constructor(tape: ClientBase, lines: AuditedLines, options: RemergeOptions) {
    this.#tape = tape;
    this.#lines = lines;
    this.#options = options;
    // Minutes are accounted for as a whole.
    this.#from = (Math.floor(options.from / MICROS_PER_MINUTE) * MICROS_PER_MINUTE) as Micros;
    this.#to = (Math.ceil(options.to / MICROS_PER_MINUTE) * MICROS_PER_MINUTE) as Micros;
  }

  async run(): Promise<RemergeReport> {
    const consumer = this.#options.consumer ?? 'tape';
    const away: Record<string, string> = {};
    for (const [line, session] of Object.entries(this.#lines))
      if (typeof session === 'string') away[line] = session;
    const readers: { reader: LineReader; next: ReadonlyMap<string, bigint> }[] = [];
    for (const { line, client, cursors, completeFrom } of await reachableLines(
      this.#tape,
      this.#lines,
      consumer,
    )) {
      const isComplete = eventTables.every(({ name }) => (completeFrom(name) ?? 0) <= this.#from - AROUND);
      if (!isComplete) {
        away[line] = 'its database no longer has everything of that time, or was restored';
        continue;
      }
      const reader = await LineReader.open(line, client as Client, consumer);
      readers.push({ reader, next: new Map([...cursors].map(([table, { next }]) => [table, next])) });
    }
    await this.#keep('coverage', 'minute >= $1 AND minute < $2');
    await this.#keep('gaps', 'gaps.from_ts < $2 AND (to_ts IS NULL OR to_ts > $1)');
    const uncounted = await this.#daysNotCounted();
    for (const table of eventTables) await this.#events(table, readers);
    // Without a line to go by, nothing of the tape has changed.
    if (readers.length > 0) await this.#account(uncounted);
    await this.#gaps(readers);
    await this.#compare('coverage', 'minute >= $1 AND minute < $2');
    await this.#compare('gaps', 'gaps.from_ts < $2 AND (to_ts IS NULL OR to_ts > $1)');
    const changes = this.#changes;
    const entry = {
      kind: 'merge',
      venue: null,
      line: null,
      from: this.#from,
      to: this.#to,
      changes,
    } as const;
    await recordRepair(this.#tape, entry);
    return { from: this.#from, to: this.#to, changes, away };
  }

  #count(table: string, what: string, count: number): void {
    if (count === 0) return;
    this.#changes[table] ??= {};
    this.#changes[table][what] = (this.#changes[table][what] ?? 0) + count;
  }

  /** Keeps what a table says now, without when it was written. */
  async #keep(table: string, where: string): Promise<void> {
    const rows = `SELECT to_jsonb(${table}) - 'merged_at' AS row FROM ${table} WHERE ${where}`;
    await this.#tape.query(`CREATE TEMP TABLE before_${table} (row jsonb) ON COMMIT DROP`);
    await this.#tape.query(`INSERT INTO before_${table} ${rows}`, [this.#from, this.#to]);
  }

  async #compare(table: string, where: string): Promise<void> {
    const rows = `SELECT to_jsonb(${table}) - 'merged_at' AS row FROM ${table} WHERE ${where}`;
    const { rows: found } = await this.#tape.query<{ removed: number; inserted: number }>(
      `WITH after AS MATERIALIZED (${rows})
       SELECT (SELECT count(*)::integer FROM (TABLE before_${table} EXCEPT TABLE after) AS gone) AS removed,
         (SELECT count(*)::integer FROM (TABLE after EXCEPT TABLE before_${table}) AS new) AS inserted`,
      [this.#from, this.#to],
    );
    this.#count(table, 'removed', found[0]!.removed);
    this.#count(table, 'inserted', found[0]!.inserted);
  }

  async #events(
    table: EventTable,
    readers: readonly { reader: LineReader; next: ReadonlyMap<string, bigint> }[],
  ): Promise<void> {
    const tape = this.#tape;
    await tape.query(stageStatement(table));
    for (const { reader, next } of readers) {
      const to = next.get(table.name);
      if (to === undefined) continue;
      const reading = { table: table.name, from: 0n, to, rows: 0 };
      const span = { from: this.#from - AROUND, to: this.#to + AROUND };
      const rows = await reader.send(reading, readStatement(table, reader.line, span));
      await rows.pour(tape, fillStatement(table.name));
    }
    await tape.query(partitionStatement(table));
    if (table.name === marketLifecycle.name) await alignAnnouncements(tape);
    for (const statement of alignStatements(table)) await tape.query(statement);
    this.#count(table.name, 'removed', await this.#removeWrong(table, readers));
    const { rows } = await tape.query<{ inserted: number; updated: number }>(mergeStatement(table));
    this.#count(table.name, 'inserted', rows[0]!.inserted);
    this.#count(table.name, 'updated', rows[0]!.updated);
  }

  /** Takes from the tape what the lines that were read do not have like that, where only they are credited with it. */
  async #removeWrong(table: EventTable, readers: readonly { reader: LineReader }[]): Promise<number> {
    const read = readers.reduce((bits, { reader }) => bits | lineBits[reader.line], 0);
    const names = groupedColumns(table);
    // Figures of a line's own book are not the same on every line: there is one row of them all the same.
    const compared = Object.keys(table.fold).length === 0 ? [...table.unique, 'lines'] : names;
    const isTimed = names.includes('quality') ? `AND t.quality & ${Quality.withoutVenueTime} = 0` : '';
    const { rowCount } = await this.#tape.query(
      `WITH right_ones AS MATERIALIZED (${groupedStatement(table)})
       DELETE FROM ${table.name} AS t
       WHERE t.${table.time} >= $1 AND t.${table.time} < $2 AND t.lines & ~$3::integer = 0 ${isTimed}
         AND NOT EXISTS (
           SELECT FROM right_ones AS r
           WHERE ${table.unique.map((name) => `r.${name} = t.${name}`).join(' AND ')}
             AND ${compared.map((name) => `r.${name} IS NOT DISTINCT FROM t.${name}`).join(' AND ')})`,
      [this.#from, this.#to, read],
    );
    return rowCount ?? 0;
  }

  /** Begins of days of which retention may have dropped rows that the account of minutes has counted. */
  async #daysNotCounted(): Promise<Micros[]> {
    const stored: ReadonlySet<number>[] = [];
    for (const table of countedTables)
      stored.push(new Set((await storedDays(this.#tape, table)).map(({ from }) => from)));
    return daysOf(this.#from, this.#to)
      .map((date) => dayOf(date).from)
      .filter((day) => !stored.every((days) => days.has(day)));
  }

  /** Counts the events of the interval's minutes anew. What can no longer be counted stays as it was. */
  async #account(uncounted: readonly Micros[]): Promise<void> {
    const events = [...countedTables].map(
      (table) =>
        `SELECT venue, instrument, exchange_ts / ${MICROS_PER_MINUTE} * ${MICROS_PER_MINUTE} AS minute, lines FROM ${table}
         WHERE exchange_ts >= $1 AND exchange_ts < $2`,
    );
    await this.#tape.query('DELETE FROM coverage WHERE minute >= $1 AND minute < $2', [this.#from, this.#to]);
    await this.#tape.query(
      `INSERT INTO coverage (venue, instrument, minute, events_a, events_b, events_c, events_tape)
       SELECT venue, instrument, minute, count(*) FILTER (WHERE lines & 1 <> 0), count(*) FILTER (WHERE lines & 2 <> 0),
         count(*) FILTER (WHERE lines & 4 <> 0), count(*)
       FROM (${events.join(' UNION ALL ')}) AS e GROUP BY 1, 2, 3`,
      [this.#from, this.#to],
    );
    const figures = ['events_a', 'events_b', 'events_c', 'events_tape'];
    await this.#tape.query(
      `INSERT INTO coverage AS c (venue, instrument, minute, ${figures.join(', ')})
       SELECT b.venue, b.instrument, b.minute, ${figures.map((name) => `b.${name}`).join(', ')}
       FROM before_coverage CROSS JOIN LATERAL jsonb_populate_record(NULL::coverage, row) AS b
       WHERE b.minute - b.minute % ${MICROS_PER_DAY} = ANY ($1::bigint[])
       ON CONFLICT (instrument, minute, venue) DO UPDATE SET
         ${figures.map((name) => `${name} = greatest(c.${name}, excluded.${name})`).join(', ')}`,
      [uncounted],
    );
  }

  /** The lines' gaps as their databases have them, and of those the tape's. */
  async #gaps(readers: readonly { reader: LineReader; next: ReadonlyMap<string, bigint> }[]): Promise<void> {
    const { now, rules } = this.#options;
    const tape = this.#tape;
    const span = [this.#from, this.#to];
    await tape.query(gapStageStatement);
    const stage = stageOf('gaps');
    for (const { reader, next } of readers) {
      const to = next.get('gaps');
      if (to === undefined) continue;
      const rows = await reader.send({ table: 'gaps', from: 0n, to, rows: 0 }, gapReadStatement(reader.line));
      await rows.pour(tape, fillStatement('gaps'));
      await tape.query(
        `WITH right_ones AS MATERIALIZED (
           SELECT gap_id, venue, instrument, min(from_ts) AS from_ts, max(to_ts) AS to_ts, min(cause) AS cause
           FROM ${stage}, unnest(CASE WHEN is_all THEN ARRAY['*'] ELSE instruments END) AS instrument
           WHERE line = $3 GROUP BY 1, 2, 3)
         DELETE FROM gaps AS g
         WHERE g.line = $3 AND g.gap_id NOT LIKE 'down:%' AND g.gap_id NOT LIKE '%:restored:%'
           AND g.from_ts < $2 AND (g.to_ts IS NULL OR g.to_ts > $1)
           AND NOT EXISTS (
             SELECT FROM right_ones AS r
             WHERE r.gap_id = g.gap_id AND r.venue = g.venue AND r.instrument = g.instrument
               AND r.from_ts = g.from_ts AND r.to_ts IS NOT DISTINCT FROM g.to_ts AND r.cause = g.cause)`,
        [...span, reader.line],
      );
    }
    const stored = await storeLineGaps(tape);
    // From the span on, and where something is no longer what it was, from where that began.
    const { rows } = await tape.query<{ venue: string; instrument: string; from: string }>(
      `WITH now AS (
         SELECT to_jsonb(gaps) - 'merged_at' AS row FROM gaps WHERE from_ts < $2 AND (to_ts IS NULL OR to_ts > $1)
       ), before AS (SELECT row - 'merged_at' AS row FROM before_gaps),
       different AS ((TABLE now EXCEPT TABLE before) UNION ALL (TABLE before EXCEPT TABLE now))
       SELECT row->>'venue' AS venue, row->>'instrument' AS instrument, min("from") AS "from" FROM (
         SELECT row, $1::bigint AS "from" FROM now UNION ALL SELECT row, $1 FROM before
         UNION ALL SELECT row, (row->>'from_ts')::bigint FROM different
       ) AS reaching GROUP BY 1, 2`,
      span,
    );
    const touched: Touched[] = [
      ...stored,
      ...rows.map(({ venue, instrument, from }) => ({ venue, instrument, from: Number(from) as Micros })),
    ];
    const heard = readers.map(({ reader }) => reader.heartbeats.lives);
    const account = { now, silence: rules.silence, arrivalAllowance: rules.arrivalAllowance };
    const lives = await readLives(tape);
    await doubtHours(tape, await recomputeTapeGaps(tape, lives, touched, account, heard));
    const known = [...lives.values()].map((own) => ({ lives: own }));
    for (const venue of venueNames) {
      const horizon = mergeHorizon(known, rules, venue);
      if (horizon !== null) await settleHours(tape, venue, horizon);
    }
  }
}
