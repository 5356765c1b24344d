import type { ObjectStore } from '../archive/object-store.ts';
import { formatDate, MICROS_PER_DAY, type Micros } from '../units/time.ts';
import type { AuditReport } from './audit.ts';

/** A stretch of venue time that is audited at once. */
export interface AuditSpan {
  readonly from: Micros;
  readonly to: Micros;
}

const folderOf = (at: Micros): string => `audits/date=${formatDate(at)}/`;

/** Where the report on a span lies. One that could not compare every line is `partial`, and made again once it can. */
export const reportKey = ({ from, to }: AuditSpan, isPartial: boolean): string =>
  `${folderOf(from)}${from}-${to}${isPartial ? '.partial' : ''}.json`;

/** Lines whose database did not answer an audit. */
export const linesAway = ({ lines }: Pick<AuditReport, 'lines'>): string[] =>
  Object.entries(lines).flatMap(([line, figures]) => ('away' in figures ? [line] : []));

/** Keeps a report. */
export async function keepReport(store: ObjectStore, report: AuditReport): Promise<void> {
  const key = reportKey(report, linesAway(report).length > 0);
  await store.put(key, Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
}

export interface DueAudits {
  /** The oldest first. */
  readonly spans: readonly AuditSpan[];
  /** Whether there are more than one run may hold. */
  readonly more: boolean;
  /** Begin of the first span that is not wholly audited and not among them. */
  readonly openSince: Micros | null;
}

/**
 * Settled spans without a report, or with a partial one. Spans begin at whole multiples of their length.
 *
 * @param since nothing before it is audited.
 * @param allLinesAnswer while they do not, nothing is audited partially a second time.
 */
export async function dueAudits(
  store: ObjectStore,
  options: {
    readonly settledUntil: Micros;
    readonly since: Micros;
    readonly spanMicros: number;
    readonly most: number;
    readonly allLinesAnswer: boolean;
  },
): Promise<DueAudits> {
  const { settledUntil, since, spanMicros, most, allLinesAnswer } = options;
  const first = Math.floor(since / spanMicros) * spanMicros;
  const kept = new Set<string>();
  for (let day = first - (first % MICROS_PER_DAY); day <= settledUntil; day += MICROS_PER_DAY) {
    for await (const key of store.list(folderOf(day as Micros))) kept.add(key);
  }
  const due: AuditSpan[] = [];
  const left: Micros[] = [];
  for (let from = first; from + spanMicros <= settledUntil; from += spanMicros) {
    const span = { from: from as Micros, to: (from + spanMicros) as Micros };
    if (kept.has(reportKey(span, false))) continue;
    if (allLinesAnswer || !kept.has(reportKey(span, true))) due.push(span);
    else left.push(span.from);
  }
  const spans = due.slice(0, most);
  left.push(...due.slice(most).map(({ from }) => from));
  return {
    spans,
    more: due.length > most,
    openSince: left.length === 0 ? null : (Math.min(...left) as Micros),
  };
}
