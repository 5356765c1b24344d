import type { AuditReport } from '#src/audit/audit.ts';
import { formatRfc3339 } from '#src/units/time.ts';

const percent = (share: number | null): string => (share === null ? '-' : `${(share * 100).toFixed(3)} %`);

function counts(figures: object): string {
  return Object.entries(figures)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`)
    .join(', ');
}

/** That nothing was found says nothing of lines that were not asked. */
function nothingFound({ lines }: AuditReport): string {
  const away = Object.values(lines).filter((figures) => 'away' in figures).length;
  if (away === 0) return 'nothing found';
  return away === Object.keys(lines).length
    ? 'nothing found in the tape by itself; NO LINE WAS COMPARED'
    : `nothing found; ${away} of ${Object.keys(lines).length} lines not compared`;
}

/** The report of an audit for people. */
export function auditText(report: AuditReport): string {
  const text: string[] = [
    `audit of the tape from ${formatRfc3339(report.from)} to ${formatRfc3339(report.to)}`,
    report.ok ? nothingFound(report) : `FOUND: ${counts(report.findings)}`,
    '',
  ];
  for (const { kind, venue, subject, time, table, detail } of report.examples) {
    const at = time === null ? '' : ` ${formatRfc3339(time)}`;
    text.push(`${kind.replaceAll('_', ' ')}: ${venue} ${subject}${at} in ${table}: ${detail}`);
  }
  if (report.examples.length > 0) text.push('');
  for (const [line, figures] of Object.entries(report.lines)) {
    text.push(
      `line ${line}: ${'away' in figures ? `not compared, ${figures.away}` : `rows: ${counts(figures) || 'none'}`}`,
    );
  }
  text.push(`keys checked: ${report.keys_checked}`);
  for (const [line, figures] of Object.entries(report.raw ?? {}))
    text.push(`raw frames of line ${line}: ${counts(figures) || 'none'}`);
  for (const [venue, { settled_until, instruments, proven_share, books, agreement }] of Object.entries(
    report.venues,
  )) {
    text.push(
      '',
      `${venue}: settled until ${settled_until === null ? 'nothing' : formatRfc3339(settled_until)}; ${instruments} instruments, ${percent(proven_share)} of their time proven`,
      `  books: ${counts(books) || 'none'}`,
      `  events: ${agreement.events}; seen by ${counts(agreement.seen_by) || 'nobody'}`,
    );
    for (const [pair, share] of Object.entries(agreement.pairs))
      text.push(`  ${pair}: agree on ${percent(share)}`);
    for (const [line, figures] of Object.entries(agreement.lines))
      text.push(`  line ${line}: ${counts(figures) || 'none'}`);
  }
  return `${text.join('\n')}\n`;
}
