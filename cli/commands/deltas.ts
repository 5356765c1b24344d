import { Command } from 'commander';
import { deltaColumns } from '#src/queries/tape-columns.ts';
import { deltasOf } from '#src/storage/production/change-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

/** `tape deltas`: changes of order books on the tape, in the order of venue time. */
export function deltasCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('deltas').description(
    'changes of order books; the amount is a change, or the new size where is_absolute',
  );
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(deltasOf(client, filter), deltaColumns, options),
      );
    },
  );
}
