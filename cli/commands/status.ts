import { Command } from 'commander';
import pg from 'pg';
import { layoutOf } from '../../local/run/layout.ts';
import { fetchGathererStatus, type GathererStatus } from '../../local/run/line-status.ts';
import { readRunState } from '../../local/run/state-file.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface StatusOptions {
  readonly data: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

interface TapeFigures {
  readonly rows: number;
  readonly open_gaps: number;
  readonly merged_seconds_ago: number | null;
}

const number = new Intl.NumberFormat('en-US');

async function tapeFigures(url: string): Promise<TapeFigures> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ rows: string; open_gaps: string; age: string | null }>(
      `select (select coalesce(sum(events_tape), 0) from coverage)::text as rows,
              (select count(*) from gaps where line = 'tape' and to_ts is null)::text as open_gaps,
              (select extract(epoch from now()) - max(durable_until) / 1e6 from line_lives)::text as age`,
    );
    const { rows: count, open_gaps, age } = rows[0]!;
    return {
      rows: Number(count),
      open_gaps: Number(open_gaps),
      merged_seconds_ago: age === null ? null : Number(Number(age).toFixed(1)),
    };
  } finally {
    await client.end();
  }
}

function describeLine(name: string, status: GathererStatus | null, verbose: boolean): string[] {
  if (status === null) return [`line ${name}: not answering`];
  const lines = [
    `line ${name}: ${number.format(status.frames)} frames, ${number.format(status.events)} events, ${number.format(status.gaps_open)} open gaps, ${number.format(status.stream.backlog)} queued, frame to stream p99 ${status.latency_ms.p99 === null ? 'not measured' : `${status.latency_ms.p99.toFixed(0)} ms`}`,
  ];
  for (const [venue, figures] of Object.entries(status.venues)) {
    lines.push(
      `  ${venue}: ${figures.connected} of ${figures.connections} connections, ${number.format(figures.expected)} requested, ${number.format(figures.bound)} subscribed, ${number.format(figures.proven)} proven`,
    );
  }
  if (verbose) {
    for (const connection of status.connections ?? []) lines.push(`    ${JSON.stringify(connection)}`);
    for (const [reason, count] of Object.entries(status.problems ?? {}))
      lines.push(`    ${reason}: ${number.format(count)}`);
  }
  return lines;
}

/** `tape status`: health, rates, lag and gaps of the run on this machine. */
export function statusCommand(): Command {
  return new Command('status')
    .description('health, rates, lag and gaps of the run on this machine')
    .option('--data <folder>', 'data folder of the run', '.tape')
    .option('--verbose', 'every connection, and what could not be decoded')
    .option('--json', 'one JSON object')
    .action(async (options: StatusOptions) => {
      const state = readRunState(layoutOf(options.data).stateFile);
      if (state === null)
        throw new CommandFailure(`nothing is running in ${options.data}; start it with: tape up`);
      const names = ['a', 'b', 'c'] as const;
      const [tape, ...statuses] = await Promise.all([
        tapeFigures(state.production.url).catch((error: Error) => error),
        ...names.map((name) => fetchGathererStatus(state.lines[name].health, 3_000)),
      ]);
      const lines = Object.fromEntries(names.map((name, index) => [name, statuses[index] ?? null]));
      if (options.json === true) {
        const tapeJson = tape instanceof Error ? { error: tape.message } : tape;
        process.stdout.write(
          `${JSON.stringify({ source: state.source, started_at: state.startedAt, lines, tape: tapeJson })}\n`,
        );
      } else {
        const text = [
          `source ${state.source}, up since ${state.startedAt}`,
          ...names.flatMap((name) => describeLine(name, lines[name] ?? null, options.verbose === true)),
          tape instanceof Error
            ? `tape: production database does not answer (${tape.message})`
            : `tape: ${number.format(tape.rows)} rows, ${number.format(tape.open_gaps)} open gaps, ${tape.merged_seconds_ago ?? 'unknown'} s behind`,
        ];
        process.stdout.write(`${text.join('\n')}\n`);
      }
      if (tape instanceof Error || Object.values(lines).every((line) => line === null)) process.exitCode = 1;
    });
}
