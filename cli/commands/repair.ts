import { Command, Option } from 'commander';
import { loadConfiguration } from '#src/config/load.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { systemSleep } from '#src/http/sleep.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { fillTrades } from '#src/repair/fill-trades.ts';
import { remerge } from '#src/repair/remerge.ts';
import { latestRepairs } from '#src/repair/repair-log.ts';
import { replayRaw } from '#src/repair/replay-raw.ts';
import { type LineName, lineNames } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatRfc3339, type Micros, systemClock } from '#src/units/time.ts';
import { environmentKey } from '#src/venues/environment-key.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { addLineOption, type LineDatabaseOpener, openLines } from '../audit/line-databases.ts';
import { objectPlace } from '../object-place.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addTapeOptions } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface RepairOptions extends DatabaseOptions {
  readonly from: string;
  readonly to: string;
  readonly line?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface LineRepairOptions extends RepairOptions {
  readonly venue: Venue;
  readonly into: LineName;
}

interface Dependencies {
  readonly openDatabase?: DatabaseOpener;
  readonly openLines?: LineDatabaseOpener;
  readonly fetch?: typeof fetch;
}

function spanOf(options: RepairOptions): {
  readonly from: Micros;
  readonly to: Micros;
  readonly now: Micros;
} {
  const now = systemClock()();
  const from = parseTimeArgument(options.from, now);
  const to = parseTimeArgument(options.to, now);
  if (to <= from) throw new CommandFailure('--to must be later than --from');
  return { from, to, now };
}

/** A report for people: what it says, field by field. */
function told(report: object): string {
  const lines = Object.entries(report).map(([name, value]) => {
    const isTime = name === 'from' || name === 'to';
    const text = isTime ? formatRfc3339(value) : typeof value === 'object' ? JSON.stringify(value) : value;
    return `${name.replaceAll('_', ' ')}: ${text}`;
  });
  return `${lines.join('\n')}\n`;
}

function write(report: object, { json, dryRun }: RepairOptions): void {
  if (json === true) process.stdout.write(`${JSON.stringify({ dry_run: dryRun === true, ...report })}\n`);
  else
    process.stdout.write(
      `${dryRun === true ? 'nothing was changed; this is what would be:\n' : ''}${told(report)}`,
    );
}

function withDatabases(command: Command): Command {
  return addLineOption(addTapeOptions(command)).option('--json', 'one JSON object');
}

function withSpan(command: Command, time: string): Command {
  return withDatabases(command)
    .requiredOption('--from <time>', `from this ${time}: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs`)
    .requiredOption('--to <time>', `before this ${time}`)
    .option('--dry-run', 'say what would be changed, and change nothing');
}

function withLine(command: Command): Command {
  return command
    .addOption(venueOption('whose events').makeOptionMandatory())
    .addOption(
      new Option('--into <line>', 'line into whose database they go')
        .choices(lineNames)
        .makeOptionMandatory(),
    );
}

/** Runs a repair with the tape and the databases of the lines, and writes what it did. */
async function repair(
  dependencies: Dependencies,
  options: RepairOptions,
  work: (tape: Parameters<typeof remerge>[0], lines: Parameters<typeof remerge>[1]) => Promise<object>,
): Promise<void> {
  const report = await withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
    const open = dependencies.openLines ?? openLines;
    const { lines, close } = await open({ line: options.line ?? [], client });
    try {
      return await work(client, lines);
    } finally {
      await close();
    }
  });
  write(report, options);
}

/** @throws CommandFailure when the line's database does not answer */
function databaseOf(lines: Parameters<typeof remerge>[1], line: LineName) {
  const database = lines[line];
  if (typeof database === 'string') throw new CommandFailure(`the database of line ${line}: ${database}`);
  return database;
}

function tradesCommand(dependencies: Dependencies): Command {
  const giving = venueNames.filter((venue) => venueDefinition(venue).trades !== undefined);
  return withLine(
    withSpan(
      new Command('trades').description(
        `fetches trades of a span from the venue by REST (${giving.join(', ')}), and puts those that the tape lacks into the database of a line`,
      ),
      'venue time',
    ),
  )
    .option('--rest <url>', "address of the venue's REST interface; that of the configuration when absent")
    .option('--config <file>', 'configuration with the addresses of the venues', 'config/local.yaml')
    .action(async (options: LineRepairOptions & { readonly rest?: string; readonly config: string }) => {
      const { venue, into: line } = options;
      const { trades, needsKey } = venueDefinition(venue);
      if (trades === undefined) {
        throw new CommandFailure(
          `${venue} gives no trades by REST that could be told from those of its socket; known: ${giving.join(', ')}`,
        );
      }
      const { from, to } = spanOf(options);
      const address = options.rest ?? restOf(options.config, venue);
      const clock = systemClock();
      const http = {
        clock,
        sleep: systemSleep,
        random: Math.random,
        ...(dependencies.fetch === undefined ? {} : { fetch: dependencies.fetch }),
      };
      const key = needsKey ? environmentKey(venue, process.env) : null;
      await repair(dependencies, options, async (tape, lines) => {
        const pages = trades(address, key, http, { from, to });
        const wish = { venue, line, from, to, dryRun: options.dryRun === true };
        return await fillTrades(tape, databaseOf(lines, line), pages, wish);
      });
    });
}

function restOf(file: string, venue: Venue): string {
  return venueDefinition(venue).restAddress(loadConfiguration(file, process.env));
}

function rawCommand(dependencies: Dependencies): Command {
  return withLine(
    withSpan(
      new Command('raw').description(
        'replays raw frames of a line through its own capture core into its database; what is there stays',
      ),
      'receive time',
    ),
  )
    .requiredOption('--raw <place>', 'folder or s3://bucket with the raw recordings')
    .action(async (options: LineRepairOptions & { readonly raw: string }) => {
      const { venue, into: line } = options;
      const { from, to } = spanOf(options);
      const store = objectPlace(options.raw, '--raw');
      await repair(dependencies, options, (tape, lines) =>
        replayRaw(tape, databaseOf(lines, line), store, {
          venue,
          line,
          from,
          to,
          dryRun: options.dryRun === true,
        }),
      );
    });
}

function mergeCommand(dependencies: Dependencies): Command {
  return withSpan(
    new Command('merge').description(
      'makes the tape of an interval, in whole minutes, what the databases of the lines say that it is',
    ),
    'venue time',
  ).action(async (options: RepairOptions) => {
    const { from, to, now } = spanOf(options);
    await repair(dependencies, options, (tape, lines) =>
      remerge(tape, lines, { from, to, now, rules: defaultRules, dryRun: options.dryRun === true }),
    );
  });
}

function listCommand(dependencies: Dependencies): Command {
  return withDatabases(new Command('list').description('repairs that changed something, newest first'))
    .option('--limit <rows>', 'at most so many', parseCount, 100)
    .action(async (options: RepairOptions & { readonly limit: number }) => {
      const repairs = await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        latestRepairs(client, options.limit),
      );
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ repairs })}\n`);
        return;
      }
      for (const { repair: number, kind, venue, line, from_ts, to_ts, changes, repaired_at } of repairs) {
        const [from, to, at] = [from_ts, to_ts, repaired_at].map((time) =>
          formatRfc3339(Number(time) as Micros),
        );
        const whose = [venue, line === null ? null : `line ${line}`]
          .filter((part) => part !== null)
          .join(', ');
        process.stdout.write(
          `${number}  ${at}  ${kind}${whose === '' ? '' : ` of ${whose}`}  ${from} to ${to}  ${JSON.stringify(changes)}\n`,
        );
      }
    });
}

/** `tape repair`: brings back what the tape lacks, and leaves an entry of what it changed. */
export function repairCommand(dependencies: Dependencies = {}): Command {
  return new Command('repair')
    .description(
      'brings back what the tape lacks: trades from the venue, raw frames of a line, an interval merged again',
    )
    .addCommand(tradesCommand(dependencies))
    .addCommand(rawCommand(dependencies))
    .addCommand(mergeCommand(dependencies))
    .addCommand(listCommand(dependencies))
    .addHelpText(
      'after',
      '\nRepeating a repair changes nothing. What goes into a line comes onto the tape with the next merge.',
    );
}
