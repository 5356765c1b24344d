import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { heatMap } from '#src/coverage/heat-map.ts';
import { coverageHours } from '#src/coverage/hours.ts';
import { coverageMinutes } from '#src/coverage/minutes.ts';
import { hourColumns, minuteColumns, minuteColumnsForPrograms } from '#src/queries/coverage-columns.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { systemClock } from '#src/units/time.ts';
import { svgMap } from '../coverage/svg-map.ts';
import { terminalMap } from '../coverage/terminal-map.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface CoverageOptions extends DatabaseOptions, OutputOptions {
  readonly venue?: string;
  readonly instrument?: string;
  readonly from: string;
  readonly to: string;
  readonly limit?: number;
  readonly hours?: boolean;
  readonly map?: boolean;
  readonly image?: string;
}

const DEFAULT_MAP_ROWS = 40;
const WIDEST_IMAGE = 180;

async function* atMost<Row>(rows: AsyncIterable<Row>, limit: number | undefined): AsyncGenerator<Row> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const row of rows) {
    yield row;
    if (--left <= 0) return;
  }
}

function writeImage(file: string, image: string): void {
  try {
    writeFileSync(file, image);
  } catch (error) {
    throw new CommandFailure(`--image ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** `tape coverage`: what each line and the tape can vouch for, by minute, by hour, or as a picture. */
export function coverageCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return addQueryOptions(
    new Command('coverage').description(
      'which lines were connected and proven, and events per line and on the tape: by instrument and minute, by market and hour, or as a heat map',
    ),
  )
    .addOption(venueOption())
    .option('--instrument <id>', 'Kalshi market ticker or Polymarket token')
    .option('--from <time>', 'from this venue time: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs', '1h')
    .option('--to <time>', 'before this venue time', 'now')
    .option('--limit <rows>', 'at most so many rows; of a map, instruments', parseCount)
    .option('--hours', 'the condition of each market and hour: available, degraded, pending, missing')
    .option('--map', 'a heat map, the busiest instruments first')
    .option('--image <file>', 'the heat map as an SVG image')
    .action(async (options: CoverageOptions) => {
      const now = systemClock()();
      const { venue, instrument, limit } = options;
      const filter = {
        ...(venue === undefined ? {} : { venue }),
        ...(instrument === undefined ? {} : { instrument }),
        from: parseTimeArgument(options.from, now),
        to: parseTimeArgument(options.to, now),
      };
      if (filter.to <= filter.from) throw new CommandFailure('--to must be later than --from');
      await withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
        if (options.hours === true) {
          await writeRows(atMost(coverageHours(client, filter), limit), hourColumns, options);
          return;
        }
        const minutes = coverageMinutes(client, filter, defaultRules);
        if (options.map !== true && options.image === undefined) {
          const isForPrograms =
            options.json === true || options.csv === true || options.parquet !== undefined;
          const columns = isForPrograms ? minuteColumnsForPrograms : minuteColumns;
          await writeRows(atMost(minutes, limit), columns, options);
          return;
        }
        const columns =
          options.image === undefined ? Math.max(20, (process.stdout.columns ?? 110) - 40) : WIDEST_IMAGE;
        const map = await heatMap(minutes, filter, { columns, rows: limit ?? DEFAULT_MAP_ROWS });
        if (options.image !== undefined) writeImage(options.image, svgMap(map));
        if (options.map === true) {
          process.stdout.write(
            options.json === true
              ? `${JSON.stringify(map)}\n`
              : terminalMap(map, process.stdout.isTTY === true),
          );
        }
      });
    });
}
