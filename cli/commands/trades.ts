import { Command } from 'commander';
import { tradeColumns } from '#src/queries/tape-columns.ts';
import { tradesOf } from '#src/storage/production/tape-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

/** `tape trades`: trades on the tape, in the order of venue time. */
export function tradesCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('trades').description('trades on the tape, in the order of venue time');
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(tradesOf(client, filter), tradeColumns, options),
      );
    },
  );
}
