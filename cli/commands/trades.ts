import { Command } from 'commander';
import { type TapeTrade, tradesOf } from '#src/storage/production/tape-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { columnsOf } from '../queries/columns.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const { time, text, price, size, small, flag } = columnsOf<TapeTrade>();
const columns: readonly OutputColumn<TapeTrade>[] = [
  time('exchange_ts'),
  text('venue'),
  text('instrument'),
  price('price'),
  size('size'),
  text('taker_side'),
  flag('is_block'),
  text('trade_id'),
  time('received_at'),
  small('quality'),
  small('lines'),
];

/** `tape trades`: trades on the tape, in the order of venue time. */
export function tradesCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('trades').description('trades on the tape, in the order of venue time');
  return addSpanOptions(addQueryOptions(command)).action(
    async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(tradesOf(client, filter), columns, options),
      );
    },
  );
}
