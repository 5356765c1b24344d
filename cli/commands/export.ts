import { Command, Option } from 'commander';
import { venueNames } from '#src/events/event.ts';
import { daysOf } from '#src/export/due-exports.ts';
import { exportedTables } from '#src/export/exported-tables.ts';
import { type Followed, followExports } from '#src/export/follow-exports.ts';
import { type ExportReport, TapeExport } from '#src/export/tape-export.ts';
import { columnsOf } from '#src/queries/columns.ts';
import type { OutputColumn } from '#src/queries/output-column.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatDate, MICROS_PER_DAY, type Micros, systemClock } from '#src/units/time.ts';
import { objectPlace } from '../object-place.ts';
import { venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { Progress } from '../queries/progress.ts';
import { addTapeOptions, writeRows } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { withScratchFolder } from '../terminal/leftovers.ts';

interface ExportCommandOptions extends DatabaseOptions {
  readonly out: string;
  readonly venue?: string;
  readonly table?: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly unsettled?: boolean;
  readonly allowFewer?: boolean;
  readonly json?: boolean;
}

const { text, whole } = columnsOf<ExportReport>();
const columns: readonly OutputColumn<ExportReport>[] = [
  text('date'),
  text('venue'),
  text('table'),
  text('outcome'),
  whole('version'),
  whole('rows'),
  whole('bytes'),
];

async function* exportAll(
  exporting: TapeExport,
  options: ExportCommandOptions,
): AsyncGenerator<ExportReport> {
  const now = systemClock()();
  const days = daysOf(parseTimeArgument(options.from, now), parseTimeArgument(options.to, now));
  if (days.length === 0) throw new CommandFailure('--from has to be before --to');
  const venues = options.venue === undefined ? venueNames : [options.venue];
  const tables = exportedTables.filter(({ name }) => options.table?.includes(name) ?? true);
  for (const day of days) {
    for (const venue of venues) {
      for (const table of tables) yield await exporting.export(table, day, venue);
    }
  }
}

async function* watched(reports: AsyncIterable<ExportReport>): AsyncGenerator<ExportReport> {
  let refused = 0;
  for await (const report of reports) {
    if (report.outcome === 'refused') refused++;
    yield report;
  }
  if (refused > 0) {
    throw new CommandFailure(
      `${refused} file(s) have more rows than the tape has now and stay as they are; --allow-fewer replaces them`,
    );
  }
}

/** Says what readers of `tape/` do not have yet. */
function sayFollowed({ behind, failed }: Followed): void {
  for (const { partition, reason } of failed)
    process.stderr.write(`${Object.values(partition).join(', ')} stays behind its manifest: ${reason}\n`);
  if (behind.length > 0)
    process.stderr.write(
      `tape/ is behind the manifests of ${behind.length} table(s), days and venues; an export in an hour brings it level\n`,
    );
}

const yesterday = (): string => {
  const now = systemClock()();
  return formatDate((now - (now % MICROS_PER_DAY) - MICROS_PER_DAY) as Micros);
};
const today = (): string => formatDate(systemClock()());

/** `tape export`: days of the tape as Parquet files with manifests. */
export function exportCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return addTapeOptions(
    new Command('export').description(
      'days of the tape (UTC) as Parquet, by table, date and venue; again changes only what has changed',
    ),
  )
    .requiredOption('--out <place>', 'a folder, or s3://bucket (with AWS_REGION and credentials as usual)')
    .option('--from <time>', 'first day', yesterday())
    .option('--to <time>', 'up to the day before this time', today())
    .addOption(venueOption('one venue; all when absent'))
    .addOption(
      new Option('--table <names...>', 'some tables; all when absent').choices(
        exportedTables.map(({ name }) => name),
      ),
    )
    .option('--unsettled', 'also days that not every running line is merged past')
    .option('--allow-fewer', 'replace a file by one with fewer rows')
    .option('--json', 'one JSON object per file')
    .action(async (options: ExportCommandOptions) => {
      const store = objectPlace(options.out, '--out');
      const progress = new Progress('rows');
      let rows = 0;
      const onRow = (): void => {
        if (++rows % 1_000 === 0) progress.at(rows);
      };
      try {
        await withScratchFolder('tape-export-', (scratch) =>
          withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
            const exporting = new TapeExport({
              client,
              store,
              scratch,
              clock: systemClock(),
              rules: defaultRules,
              unsettled: options.unsettled === true,
              allowFewer: options.allowFewer === true,
              onRow,
            });
            try {
              await writeRows(watched(exportAll(exporting, options)), columns, options);
            } finally {
              sayFollowed(await followExports(exporting));
            }
          }),
        );
      } finally {
        progress.end();
      }
    });
}
