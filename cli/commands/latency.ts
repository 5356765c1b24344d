import { Command } from 'commander';
import { latencyOf, type StageLatency } from '#src/storage/production/latency-query.ts';
import { systemClock } from '#src/units/time.ts';
import { venueOption } from '../queries/arguments.ts';
import { columnsOf } from '../queries/columns.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';
import { parseTimeArgument } from '../queries/time-argument.ts';

const { text, whole } = columnsOf<StageLatency>();
/** Microseconds; for people milliseconds. */
const percentile = (name: 'p50' | 'p90' | 'p99' | 'p999'): OutputColumn<StageLatency> => ({
  ...whole(name),
  text: (row) => `${(row[name] / 1_000).toFixed(1)} ms`,
});
const columns: readonly OutputColumn<StageLatency>[] = [
  text('venue'),
  text('kind'),
  text('stage'),
  whole('events'),
  percentile('p50'),
  percentile('p90'),
  percentile('p99'),
  percentile('p999'),
];

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
        writeRows(each(await latencyOf(client, from, to, options.venue)), columns, options),
      );
    });
}
