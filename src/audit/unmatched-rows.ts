import type { LineName } from '../storage/production/merge-statements.ts';
import type { Micros } from '../units/time.ts';
import { type AuditedRow, type AuditedTable, COMPARED_TIME } from './audited-tables.ts';
import type { Finding } from './finding.ts';

/** A row that one side has and the other lacks, of whichever lines. */
export interface Unmatched {
  readonly row: AuditedRow;
  readonly lines: Set<LineName>;
}

/** Rows that the lines and the tape do not have in common, of one table. Keeps a bounded number and counts the rest. */
export class UnmatchedRows {
  readonly #audited: AuditedTable;
  readonly #most: number;
  readonly #lost = new Map<string, Unmatched>();
  readonly #extra = new Map<string, Unmatched>();
  readonly #notKept = { lost: 0, extra: 0 };

  constructor(audited: AuditedTable, most: number) {
    this.#audited = audited;
    this.#most = most;
  }

  /** A line stored it, the tape lacks it. */
  lost(row: AuditedRow, line: LineName): void {
    if (!this.#add(this.#lost, row, line)) this.#notKept.lost++;
  }

  /** The tape has it and says that the line saw it; the line did not store it. */
  extra(row: AuditedRow, line: LineName): void {
    if (!this.#add(this.#extra, row, line)) this.#notKept.extra++;
  }

  /**
   * What is wrong, each once: a row that is lost and one that is extra are the same event where they differ in one
   * thing alone.
   *
   * @param onTape how many events the tape has that are the same, whichever lines saw them; like each other, when
   *   asked so, also where they differ in their position among equals
   */
  async *findings(
    onTape: (row: AuditedRow, alike: 'same' | 'alike') => Promise<number>,
  ): AsyncGenerator<Finding> {
    const bySubject = Map.groupBy(this.#extra.values(), ({ row }) => row[this.#audited.subject]!);
    for (const lost of this.#lost.values()) {
      const candidates = bySubject.get(lost.row[this.#audited.subject]!) ?? [];
      const index = candidates.findIndex((extra) => this.#difference(lost.row, extra.row) !== null);
      if (index < 0) {
        const isThere = (await onTape(lost.row, 'same')) > 0;
        const detail = `${this.#said(lost.row)}, ${isThere ? 'on the tape, where it is not said that' : 'stored by'} ${names(lost)}`;
        if (isThere) yield this.#finding('row_not_credited', lost.row, `${detail} stored it`);
        else yield this.#finding('row_lost', lost.row, detail);
        continue;
      }
      const [extra] = candidates.splice(index, 1);
      const name = this.#difference(lost.row, extra!.row)!;
      const from = `${lost.row[name]} at ${names(lost)}`;
      const detail = `${this.#said(lost.row)}: ${shown(name)} is ${extra!.row[name]} on the tape, ${from}`;
      yield this.#finding(name === COMPARED_TIME ? 'row_moved' : 'row_changed', lost.row, detail);
    }
    for (const extra of [...bySubject.values()].flat()) {
      const isDoubled = (await onTape(extra.row, 'alike')) > 1;
      const detail = `${this.#said(extra.row)}, ${isDoubled ? 'twice on the tape' : `not stored by ${names(extra)}`}`;
      yield this.#finding(isDoubled ? 'row_doubled' : 'row_extra', extra.row, detail);
    }
    for (const [what, count] of Object.entries(this.#notKept)) {
      for (let index = 0; index < count; index++) {
        const { name: table } = this.#audited;
        const kind = what === 'lost' ? 'row_lost' : 'row_extra';
        yield { kind, table, venue: '', subject: '', time: null, detail: 'one of very many' };
      }
    }
  }

  #add(rows: Map<string, Unmatched>, row: AuditedRow, line: LineName): boolean {
    const key = JSON.stringify(this.#audited.telling.map((name) => row[name] ?? null));
    const identity = `${row[this.#audited.subject]}\n${key}`;
    const known = rows.get(identity);
    if (known !== undefined) known.lines.add(line);
    else if (rows.size >= this.#most) return false;
    else rows.set(identity, { row, lines: new Set([line]) });
    return true;
  }

  /** The one thing in which two rows differ; null where there are several. */
  #difference(left: AuditedRow, right: AuditedRow): string | null {
    const different = this.#audited.telling.filter((name) => left[name] !== right[name]);
    // A side may be told by the position among equals as well.
    const telling = different.length > 1 ? different.filter((name) => name !== 'occurrence') : different;
    return telling.length === 1 ? telling[0]! : null;
  }

  #finding(kind: Finding['kind'], row: AuditedRow, detail: string): Finding {
    const { name: table, subject } = this.#audited;
    const time = Number(row[COMPARED_TIME]) as Micros;
    return { kind, table, venue: row['venue']!, subject: row[subject]!, time, detail };
  }

  #said(row: AuditedRow): string {
    return describedRow(this.#audited, row);
  }
}

function names({ lines }: Unmatched): string {
  return `line${lines.size > 1 ? 's' : ''} ${[...lines].sort().join(', ')}`;
}

const shown = (name: string): string => (name === COMPARED_TIME ? 'the time' : name);

/** What a row says, for a person; long values cut. */
export function describedRow({ telling }: AuditedTable, row: AuditedRow): string {
  return telling
    .filter((name) => name !== COMPARED_TIME && row[name] !== null)
    .map((name) => `${name} ${row[name]!.length > 60 ? `${row[name]!.slice(0, 60)}…` : row[name]}`)
    .join(', ');
}
