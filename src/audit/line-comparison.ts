import type { ClientBase } from 'pg';
import { Quality } from '../events/captured.ts';
import type { Cursor } from '../storage/production/line-reader.ts';
import { type LineName, lineBits } from '../storage/production/merge-statements.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { MICROS_PER_HOUR, type Micros } from '../units/time.ts';
import {
  type AuditedRow,
  type AuditedTable,
  auditedTables,
  COMPARED_TIME,
  compareRows,
  lineStatement,
  tapeStatement,
} from './audited-tables.ts';
import type { FindingLog } from './finding.ts';
import { joinedRows } from './joined-rows.ts';
import { describedRow, UnmatchedRows } from './unmatched-rows.ts';

const SLICE = MICROS_PER_HOUR;
/** Of each table; beyond, differences are counted without a look at what they are. */
const MOST_UNMATCHED = 20_000;

/** A line's database that answers. */
export interface ReachableLine {
  readonly line: LineName;
  readonly client: ClientBase;
  /** How far each table of it had been read by the tape. */
  readonly cursors: ReadonlyMap<string, Cursor>;
  /** Until when a table of the line's database may lack what the tape has of it: it was restored, or the rest is pruned. Null: it has all. */
  readonly completeFrom: (table: string) => Micros | null;
}

export interface LineFigures {
  /** Rows that line and tape have in common. */
  agreeing: number;
  /** Stored by the line after the tape had read it last. */
  late: number;
  /** On the tape, of a time from which the line's database no longer has everything. */
  not_comparable: number;
}

/**
 * Holds the tape against the databases of the lines, row by row: everything that a line stored and the tape has read
 * must be there, with the same content, credited to the line, and nothing else. An hour at a time, in the memory of
 * a few thousand rows.
 */
export class LineComparison {
  readonly #tape: ClientBase;
  readonly #lines: readonly ReachableLine[];
  readonly #findings: FindingLog;
  readonly figures: Readonly<Record<string, LineFigures>>;

  /** @param tape in a transaction of the caller, so that all of the tape is of one moment. */
  constructor(tape: ClientBase, lines: readonly ReachableLine[], findings: FindingLog) {
    this.#tape = tape;
    this.#lines = lines;
    this.#findings = findings;
    this.figures = Object.fromEntries(
      lines.map(({ line }) => [line, { agreeing: 0, late: 0, not_comparable: 0 }]),
    );
  }

  async run(from: Micros, to: Micros): Promise<void> {
    for (const audited of auditedTables) {
      const unmatched = new UnmatchedRows(audited, MOST_UNMATCHED);
      for (const line of this.#lines) {
        this.figures[line.line]!.late += await this.#late(audited, line, from, to);
        for (let start = from; start < to; ) {
          const isLast = start + SLICE >= to;
          // A trade on the tape may bear another time of its millisecond than the line's copy.
          const end = (isLast ? to : Math.floor((start + SLICE) / 1_000) * 1_000) as Micros;
          await this.#slice(audited, line, unmatched, start, end);
          start = end;
        }
      }
      for await (const finding of unmatched.findings((row, alike) => this.#countOnTape(audited, row, alike)))
        this.#findings.add(finding);
    }
  }

  async #late(
    { name, table }: AuditedTable,
    { client, cursors }: ReachableLine,
    from: number,
    to: number,
  ): Promise<number> {
    const { rows } = await client.query<{ late: string }>(
      `SELECT count(*) AS late FROM ${name} WHERE ${table.time} >= $1 AND ${table.time} < $2 AND ingest_xid >= $3::xid8`,
      [from, to, String(cursors.get(name)?.next ?? 0n)],
    );
    return Number(rows[0]!.late);
  }

  async #slice(
    audited: AuditedTable,
    { line, client, cursors, completeFrom }: ReachableLine,
    unmatched: UnmatchedRows,
    from: number,
    to: number,
  ): Promise<void> {
    const figures = this.figures[line]!;
    const since = completeFrom(audited.name);
    const next = String(cursors.get(audited.name)?.next ?? 0n);
    const onTape = rowsOf<AuditedRow>(this.#tape, tapeStatement(audited, line), [from, to, lineBits[line]]);
    const stored = rowsOf<AuditedRow>(client, lineStatement(audited), [from, to, next]);
    const compare = (left: AuditedRow, right: AuditedRow): number => compareRows(audited, left, right);
    for await (const pair of joinedRows(onTape, stored, compare)) {
      if (pair.line === null) {
        if (since !== null && Number(pair.tape[COMPARED_TIME]) < since) figures.not_comparable++;
        else if (await this.#isStoredElsewhen(audited, client, pair.tape)) figures.agreeing++;
        else unmatched.extra(pair.tape, line);
      } else if (pair.tape === null) {
        if (await this.#isTapedElsewhen(audited, line, pair.line)) figures.agreeing++;
        else unmatched.lost(pair.line, line);
      } else {
        figures.agreeing++;
        this.#compareContent(audited, line, pair.tape, pair.line);
      }
    }
  }

  #compareContent(audited: AuditedTable, line: LineName, tape: AuditedRow, stored: AuditedRow): void {
    const wrong = audited.values.filter(
      (name) => tape[name] !== stored[name] && !isFilledIn(audited, name, stored),
    );
    if (audited.name === 'trades' && !isSameTradeTime(tape, stored)) wrong.push(COMPARED_TIME);
    for (const [name, fold] of Object.entries(audited.table.fold)) {
      const [folded, own] = [Number(tape[name]), Number(stored[name])];
      if ((fold === 'least' && folded > own) || (fold === 'greatest' && folded < own)) wrong.push(name);
    }
    if (wrong.length === 0) return;
    const told = wrong.map(
      (name) =>
        `${name === COMPARED_TIME ? 'the time' : name} is ${tape[name]}, line ${line} has ${stored[name]}`,
    );
    this.#findings.add({
      kind: wrong.length === 1 && wrong[0] === COMPARED_TIME ? 'row_moved' : 'row_changed',
      table: audited.name,
      venue: stored['venue']!,
      subject: stored[audited.subject]!,
      time: Number(stored[COMPARED_TIME]) as Micros,
      detail: `${describedRow(audited, stored)}: ${told.join('; ')}`.slice(0, 600),
    });
  }

  /** A trade that the line had without the venue's time stands there at the line's own. */
  async #isStoredElsewhen(audited: AuditedTable, client: ClientBase, row: AuditedRow): Promise<boolean> {
    if (audited.name !== 'trades') return false;
    const { rowCount } = await client.query(
      `SELECT FROM trades WHERE venue = $1 AND trade_id = $2 AND quality & ${Quality.withoutVenueTime} <> 0 LIMIT 1`,
      [row['venue'], row['trade_id']],
    );
    return (rowCount ?? 0) > 0;
  }

  async #isTapedElsewhen(audited: AuditedTable, line: LineName, row: AuditedRow): Promise<boolean> {
    if (audited.name !== 'trades') return false;
    const { rows } = await this.#tape.query<{ at: string }>(
      'SELECT exchange_ts::text AS at FROM trades WHERE venue = $1 AND trade_id = $2 AND lines & $3::integer <> 0',
      [row['venue'], row['trade_id'], lineBits[line]],
    );
    return rows.some(({ at }) => isSameTradeTime({ ...row, [COMPARED_TIME]: at }, row));
  }

  /** Rows of the tape with the same content at that time; of trades, those with the same id at any. */
  async #countOnTape(audited: AuditedTable, row: AuditedRow, alike: 'same' | 'alike'): Promise<number> {
    const { name, table, subject, telling } = audited;
    const isById = name === 'trades' && alike === 'alike';
    const compared = isById
      ? ['trade_id']
      : telling.filter((column) => column !== COMPARED_TIME && (column !== 'occurrence' || alike === 'same'));
    const conditions = compared.map((column, index) => `${column}::text IS NOT DISTINCT FROM $${index + 2}`);
    const values = [row[subject], ...compared.map((column) => row[column])];
    if (!isById) {
      values.push(row[COMPARED_TIME]);
      conditions.push(`${table.time} = $${values.length}::bigint`);
    }
    const { rows } = await this.#tape.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${name} WHERE ${subject} = $1 AND ${conditions.join(' AND ')}`,
      values,
    );
    return Number(rows[0]!.count);
  }
}

/** What the merge takes from any copy that knows it: REST does not tell what the socket does. */
function isFilledIn(audited: AuditedTable, name: string, stored: AuditedRow): boolean {
  return audited.name === 'trades' && name === 'taker_side' && stored[name] === null;
}

/** The tape has the least time of the millisecond; a line without the venue's time has any. */
function isSameTradeTime(tape: AuditedRow, stored: AuditedRow): boolean {
  if ((Number(stored['quality']) & Quality.withoutVenueTime) !== 0) return true;
  const [onTape, own] = [Number(tape[COMPARED_TIME]), Number(stored[COMPARED_TIME])];
  return onTape <= own && Math.floor(onTape / 1_000) === Math.floor(own / 1_000);
}
