import { Command } from 'commander';
import { metricsOf, type TapeMetrics } from '#src/storage/production/change-queries.ts';
import { formatMillionths } from '#src/units/decimal.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { columnsOf } from '../queries/columns.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const { time, text, price, size, small, flag, whole } = columnsOf<TapeMetrics>();
const columns: readonly OutputColumn<TapeMetrics>[] = [
  time('at'),
  text('venue'),
  text('instrument'),
  price('bid'),
  price('ask'),
  {
    ...whole('mid_twice'),
    text: ({ mid_twice }) => (mid_twice === null ? '' : formatMillionths(mid_twice)),
  },
  price('spread'),
  size('bid_depth'),
  size('ask_depth'),
  size('bid_depth_near'),
  size('ask_depth_near'),
  small('bid_levels'),
  small('ask_levels'),
  flag('crossed'),
  small('lines'),
];

/** `tape metrics`: figures of order books at intervals. */
export function metricsCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('metrics').description(
    'figures of proven order books at intervals: best prices, spread, twice the mid, depth (near: within 5 cents)',
  );
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(metricsOf(client, filter), columns, options),
      );
    },
  );
}
