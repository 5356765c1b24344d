import type { GathererStatus } from '#src/status/line-status.ts';
import type { StatusReport } from '#src/status/report.ts';
import type { TapeStatus } from '#src/status/tape-status.ts';
import { connectionTable } from './connection-table.ts';

const number = new Intl.NumberFormat('en-US');
const percent = (ratio: number | null): string => (ratio === null ? '-' : `${(ratio * 100).toFixed(1)} %`);

function lineText(name: string, status: GathererStatus | null, verbose: boolean): string[] {
  if (status === null) return [`line ${name}: does not answer`];
  const { rates, stream, latency_ms } = status;
  const lines = [
    [
      `line ${name}: ${number.format(status.frames)} frames, ${number.format(status.events)} events`,
      rates === null ? '' : ` (${rates.frames_per_second} and ${rates.events_per_second} a second)`,
      `, ${number.format(status.gaps_open)} open gaps, ${number.format(stream.backlog)} queued`,
      stream.spilled_bytes === 0 ? '' : `, ${number.format(stream.spilled_bytes)} bytes spilled`,
      `, frame to stream p99 ${latency_ms.p99 === null ? 'not measured' : `${latency_ms.p99.toFixed(0)} ms`}`,
    ].join(''),
  ];
  for (const [venue, figures] of Object.entries(status.venues)) {
    lines.push(
      [
        `  ${venue}: ${figures.connected} of ${figures.connections} connections`,
        `${number.format(figures.expected)} requested, ${number.format(figures.bound)} subscribed`,
        `${number.format(figures.proven)} proven`,
        `${number.format(figures.counters.resyncs)} resyncs (${percent(figures.resync_ratio)} of the books)`,
      ].join(', '),
    );
  }
  if (verbose) {
    for (const row of connectionTable(status.connections)) lines.push(`    ${row}`);
    for (const [kind, count] of Object.entries(status.problems))
      lines.push(`    ${kind}: ${number.format(count)}`);
  }
  return lines;
}

function gapsText({ gaps, minutes }: TapeStatus): string[] {
  if (gaps.length === 0) return [];
  const byLine = new Map<string, string[]>();
  for (const { line, cause, gaps: count, open } of gaps) {
    const text = `${number.format(count)} ${cause}${open === 0 ? '' : ` (${number.format(open)} open)`}`;
    byLine.set(line, [...(byLine.get(line) ?? []), text]);
  }
  return [
    `gaps that began in the last ${minutes} minutes`,
    ...[...byLine].map(
      ([line, texts]) => `  ${line === 'tape' ? 'tape' : `line ${line}`}: ${texts.join(', ')}`,
    ),
  ];
}

function offendersText({ tape, offenders }: StatusReport): string[] {
  const lines: string[] = [];
  for (const { line, name, reconnects, last_close } of offenders.connections) {
    const last = last_close === null ? '' : `, last closed with ${last_close}`;
    lines.push(`  connection ${name} of line ${line}: ${number.format(reconnects)} reconnects${last}`);
  }
  for (const { venue, instrument, gaps, seconds, causes } of 'error' in tape ? [] : tape.offenders) {
    lines.push(`  ${venue} ${instrument}: ${number.format(gaps)} gaps, ${seconds} s (${causes.join(', ')})`);
  }
  for (const { kind, count } of offenders.problems) lines.push(`  ${kind}: ${number.format(count)} times`);
  return lines.length === 0 ? [] : ['top offenders', ...lines];
}

/** The status for a person. */
export function renderStatus(report: StatusReport, verbose: boolean): string {
  const { tape, health } = report;
  return [
    `source ${report.source}, up since ${report.started_at}`,
    health.ok ? 'healthy' : `not healthy: ${health.reasons.join('; ')}`,
    ...Object.entries(report.lines).flatMap(([name, status]) => lineText(name, status, verbose)),
    'error' in tape
      ? `tape: the database does not answer (${tape.error})`
      : `tape: about ${number.format(tape.rows)} rows, ${number.format(tape.open_gaps)} open gaps, ${
          tape.worst_line === null
            ? 'nothing merged yet'
            : `${tape.worst_line.lag_seconds} s behind (line ${tape.worst_line.line}, the worst)`
        }`,
    ...('error' in tape ? [] : gapsText(tape)),
    ...offendersText(report),
    '',
  ].join('\n');
}
