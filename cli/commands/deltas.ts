import { Command } from 'commander';
import { deltasOf, type TapeDelta } from '#src/storage/production/change-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { columnsOf } from '../queries/columns.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const { time, text, price, size, small, flag } = columnsOf<TapeDelta>();
const columns: readonly OutputColumn<TapeDelta>[] = [
  time('exchange_ts'),
  text('venue'),
  text('instrument'),
  text('side'),
  price('price'),
  size('amount'),
  flag('is_absolute'),
  small('instant_index'),
  small('occurrence'),
  text('hash'),
  time('received_at'),
  small('quality'),
  small('lines'),
];

/** `tape deltas`: changes of order books on the tape, in the order of venue time. */
export function deltasCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('deltas').description(
    'changes of order books; the amount is a change, or the new size where is_absolute',
  );
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(deltasOf(client, filter), columns, options),
      );
    },
  );
}
