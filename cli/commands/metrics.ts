import { Command } from 'commander';
import { metricColumns } from '#src/queries/tape-columns.ts';
import { metricsOf } from '#src/storage/production/change-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

/** `tape metrics`: figures of order books at intervals. */
export function metricsCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('metrics').description(
    'figures of proven order books at intervals: best prices, spread, twice the mid, depth (near: within 5 cents)',
  );
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(metricsOf(client, filter), metricColumns, options),
      );
    },
  );
}
