import { Command } from 'commander';
import { latencyColumns } from '#src/queries/tape-columns.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { latencyOf } from '#src/storage/production/latency-query.ts';
import { systemClock } from '#src/units/time.ts';
import { venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

type LatencyOptions = DatabaseOptions & OutputOptions & { venue?: string; from: string; to: string };

async function* each<Row>(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
}

/** `tape latency`: how long events take from the venue to a line's socket, and from there to the tape. */
export function latencyCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('latency').description(
    'percentiles of latency by venue, kind and stage: venue (to the first socket), tape (from there to the tape)',
  );
  return addQueryOptions(command)
    .addOption(venueOption())
    .option('--from <time>', 'of events from this venue time on', '1h ago')
    .option('--to <time>', 'of events before this venue time', 'now')
    .action(async (options: LatencyOptions) => {
      const now = systemClock()();
      const [from, to] = [parseTimeArgument(options.from, now), parseTimeArgument(options.to, now)];
      await withTape(dependencies.openDatabase ?? openTape, options, async (client) =>
        writeRows(each(await latencyOf(client, from, to, options.venue)), latencyColumns, options),
      );
    });
}
