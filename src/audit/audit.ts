import type { ClientBase } from 'pg';
import type { ObjectStore } from '../archive/object-store.ts';
import { LineAccounts } from '../coverage/line-accounts.ts';
import { venueNames } from '../events/event.ts';
import { type LineName, lineNames } from '../storage/production/merge-statements.ts';
import { atOneMoment } from '../storage/production/one-moment.ts';
import { horizonOf } from '../storage/production/tape-queries.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Micros } from '../units/time.ts';
import { type Agreement, agreementOf } from './agreement.ts';
import { BookAudit, type BookFigures } from './book-audit.ts';
import { auditContentKeys } from './content-keys.ts';
import { auditCoverage } from './coverage-audit.ts';
import { type Finding, FindingLog } from './finding.ts';
import { auditLineGaps, auditTapeGaps } from './gap-audit.ts';
import { LineComparison, type LineFigures } from './line-comparison.ts';
import { RawAudit, type RawFigures } from './raw-audit.ts';
import { type AuditedLines, reachableLines } from './reachable-lines.ts';

export type { AuditedLines } from './reachable-lines.ts';

export interface AuditOptions {
  readonly from: Micros;
  readonly to: Micros;
  readonly rules: TapeRules;
  /** Of each kind of finding, how many are kept; all are counted. */
  readonly examples: number;
  /** Name under which the merge keeps its cursors. */
  readonly consumer?: string;
  /** Where the raw recordings of the lines are, to hold them against the tape too. */
  readonly raw?: ObjectStore;
}

export interface VenueAudit {
  /** Up to which venue time the tape is settled; what is later is not audited. */
  readonly settled_until: Micros | null;
  /** Those that may have events in the interval. */
  readonly instruments: number;
  /** Share of the time in which they may have any that no gap of the tape covers, 0 to 1; null without any. */
  readonly proven_share: number | null;
  readonly books: BookFigures;
  readonly agreement: Agreement;
}

export interface AuditReport {
  readonly from: Micros;
  readonly to: Micros;
  /** Whether the tape is what the lines received, as far as could be seen. */
  readonly ok: boolean;
  /** How many of each kind. */
  readonly findings: Readonly<Record<string, number>>;
  readonly examples: readonly Finding[];
  /** By line: what the comparison with its database found, or why there was none. */
  readonly lines: Readonly<Record<LineName, LineFigures | { readonly away: string }>>;
  /** Rows whose content was held against its key. */
  readonly keys_checked: number;
  /** By line: what its raw recordings said; null where they were not asked for. */
  readonly raw: Readonly<Record<LineName, RawFigures>> | null;
  readonly venues: Readonly<Record<string, VenueAudit>>;
}

/** How much earlier than the interval books are rebuilt from, to have a snapshot to start with. */
const BOOKS_BEFORE = 600_000_000;

/**
 * Holds the tape of an interval of venue time against everything that speaks of it: the lines' databases where they
 * answer, every snapshot, its own keys, counts and gaps. Reads the tape at one moment and changes nothing. Memory does
 * not grow with the interval.
 *
 * @throws the client's error when the tape's database, or that of a line given as reachable, fails
 */
export async function auditTape(
  tape: ClientBase,
  lines: AuditedLines,
  options: AuditOptions,
): Promise<AuditReport> {
  return await atOneMoment(tape, async () => {
    const { from, to, rules, examples } = options;
    const findings = new FindingLog(examples);
    const reachable = await reachableLines(tape, lines, options.consumer ?? 'tape');
    const comparison = new LineComparison(tape, reachable, findings);
    await comparison.run(from, to);
    for (const line of reachable) await auditLineGaps(tape, line, { from, to }, findings);
    const keysChecked = await auditContentKeys(tape, { from, to }, findings);
    await auditCoverage(tape, { from, to }, findings);
    const before = Math.max(0, from - BOOKS_BEFORE) as Micros;
    const accounts = new LineAccounts(tape, rules, before);
    const venues: Record<string, VenueAudit> = {};
    const raw = options.raw === undefined ? null : new RawAudit(tape, accounts, options.raw, findings);
    for (const venue of venueNames) {
      const horizon = await horizonOf(tape, rules, venue);
      const settled = { from, to: Math.max(from, Math.min(to, horizon ?? from)) as Micros };
      const gaps = await auditTapeGaps(tape, accounts, venue, settled, findings);
      const books = new BookAudit(tape, accounts, rules, findings);
      if (settled.to > from) await books.run(venue, { from: before, to: settled.to });
      if (settled.to > from) await raw?.run(venue, settled);
      venues[venue] = {
        settled_until: horizon,
        instruments: gaps.instruments,
        proven_share: gaps.time === 0 ? null : 1 - gaps.in_gap / gaps.time,
        books: books.figures,
        agreement: await agreementOf(tape, accounts, venue, settled, findings),
      };
    }
    const told = lineNames.map((line) => {
      const session = lines[line];
      return [line, typeof session === 'string' ? { away: session } : comparison.figures[line]!] as const;
    });
    return {
      from,
      to,
      ok: findings.total === 0,
      findings: findings.counts,
      examples: findings.kept,
      lines: Object.fromEntries(told) as AuditReport['lines'],
      keys_checked: keysChecked,
      raw: raw?.figures ?? null,
      venues,
    };
  });
}
