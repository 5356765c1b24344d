import { Command } from 'commander';
import type pg from 'pg';
import { loadConfiguration } from '#src/config/load.ts';
import { columnsOf } from '#src/queries/columns.ts';
import type { OutputColumn } from '#src/queries/output-column.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { lineDays } from '#src/retention/line-days.ts';
import { type KeptDays, keptDaysOf, type PrunedDay, type PruneOptions, prune } from '#src/retention/prune.ts';
import { tapeDays } from '#src/retention/tape-days.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { MICROS_PER_DAY, type Micros, systemClock } from '#src/units/time.ts';
import { addLineOption, type LineDatabaseOpener, openLines } from '../audit/line-databases.ts';
import { objectPlace } from '../object-place.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addTapeOptions, writeRows } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface PruneCommandOptions extends DatabaseOptions {
  readonly line?: readonly string[];
  readonly exported?: string;
  readonly olderThan?: string;
  readonly config?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const { text, whole } = columnsOf<PrunedDay>();
const columns: readonly OutputColumn<PrunedDay>[] = [
  text('database'),
  text('table'),
  text('date'),
  whole('rows'),
  whole('bytes'),
  text('outcome'),
  text('reason'),
];

/** Days kept by the lines and by the tape, as the options say it. */
function policyOf(
  options: PruneCommandOptions,
  now: Micros,
): { readonly lines: KeptDays; readonly tape: KeptDays } {
  const { olderThan, config } = options;
  if ((olderThan === undefined) === (config === undefined)) {
    throw new CommandFailure('say what is old: either --older-than 30d, or --config FILE with its retention');
  }
  if (olderThan !== undefined) {
    const days = (now - parseTimeArgument(olderThan, now)) / MICROS_PER_DAY;
    // 0 would be for ever.
    if (days <= 0) throw new CommandFailure(`--older-than ${olderThan}: this is not over yet`);
    return { lines: () => days, tape: () => days };
  }
  const { line_days, tape_days } = loadConfiguration(config!, process.env).retention;
  return { lines: keptDaysOf(line_days), tape: keptDaysOf(tape_days) };
}

async function* pruneAll(
  tape: pg.Client,
  options: PruneCommandOptions,
  open: LineDatabaseOpener,
): AsyncGenerator<PrunedDay> {
  const now = systemClock()();
  const policy = policyOf(options, now);
  const limits = (keptDays: KeptDays): PruneOptions => ({ keptDays, now, drop: options.yes === true });
  const { lines, close } = await open({ line: options.line ?? [], client: tape });
  try {
    for (const line of lineNames) {
      const client = lines[line];
      if (typeof client === 'string') {
        process.stderr.write(`line ${line} is left out: ${client}\n`);
        continue;
      }
      yield* prune(await lineDays(line, client as pg.Client, tape), limits(policy.lines));
    }
    const store = options.exported === undefined ? null : objectPlace(options.exported, '--exported');
    yield* prune(tapeDays(tape, store), limits(policy.tape));
  } finally {
    await close();
  }
}

/** `tape prune`: old days of the databases. */
export function pruneCommand(
  dependencies: { readonly openDatabase?: DatabaseOpener; readonly openLines?: LineDatabaseOpener } = {},
): Command {
  return addLineOption(
    addTapeOptions(
      new Command('prune').description(
        'old days of the databases, dropped whole where the lines’ are on the tape and the tape’s in files; says what it would drop unless --yes',
      ),
    ),
  )
    .option(
      '--exported <place>',
      'where the files of the tape are: a folder, or s3://bucket; without it the tape keeps everything',
    )
    .option('--older-than <time>', 'what is older: 30d, or a date')
    .option('--config <file>', 'what is older by its `retention`')
    .option('--yes', 'drop')
    .option('--json', 'one JSON object per table and day')
    .action(async (options: PruneCommandOptions) => {
      await withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
        const days = pruneAll(client, options, dependencies.openLines ?? openLines);
        await writeRows(days, columns, options);
      });
    });
}
