import { Command } from 'commander';
import { fetchGathererStatus } from '#src/status/line-status.ts';
import { statusReport } from '#src/status/report.ts';
import { type TapeStatus, tapeStatus } from '#src/status/tape-status.ts';
import { openSession } from '#src/storage/connection.ts';
import { layoutOf } from '../../local/run/layout.ts';
import { readRunState } from '../../local/run/state-file.ts';
import { parseCount } from '../queries/arguments.ts';
import { renderStatus } from '../status/render.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface StatusOptions {
  readonly data: string;
  readonly minutes: number;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const ANSWER_LIMIT_MILLIS = 3_000;

async function tapeOf(url: string, minutes: number): Promise<TapeStatus> {
  const client = await openSession({
    connectionString: url,
    application_name: 'tape',
    connectionTimeoutMillis: ANSWER_LIMIT_MILLIS,
  });
  try {
    return await tapeStatus(client, minutes);
  } finally {
    await client.end();
  }
}

/** `tape status`: health, rates, lag, gaps, resync ratios and top offenders of the run on this machine. */
export function statusCommand(): Command {
  return new Command('status')
    .description('health, rates, lag, gaps, resync ratios and top offenders of the run on this machine')
    .option('--data <folder>', 'data folder of the run', '.tape')
    .option('--minutes <n>', 'how far back gaps and offenders are counted', parseCount, 60)
    .option('--verbose', 'every connection, and everything that went wrong by kind')
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExit code 1 where nothing runs, no line answers, or the tape does not.')
    .action(async (options: StatusOptions) => {
      const state = readRunState(layoutOf(options.data).stateFile);
      if (state === null)
        throw new CommandFailure(`nothing is running in ${options.data}; start it with: tape up`);
      const names = ['a', 'b', 'c'] as const;
      const [tape, ...statuses] = await Promise.all([
        tapeOf(state.production.url, options.minutes).catch((error: Error) => error),
        ...names.map((name) => fetchGathererStatus(state.lines[name].health, ANSWER_LIMIT_MILLIS)),
      ]);
      const lines = Object.fromEntries(names.map((name, index) => [name, statuses[index] ?? null]));
      const report = statusReport({ source: state.source, startedAt: state.startedAt, lines, tape });
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(report)}\n`
          : renderStatus(report, options.verbose === true),
      );
      if (tape instanceof Error || Object.values(lines).every((line) => line === null)) process.exitCode = 1;
    });
}
