import { Command } from 'commander';
import { type TapeTrade, tradesOf } from '#src/storage/production/tape-queries.ts';
import { formatPrice } from '#src/units/price.ts';
import { formatSize } from '#src/units/size.ts';
import { formatRfc3339 } from '#src/units/time.ts';
import { filterOf, parseCount, type SpanOptions, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const columns: readonly OutputColumn<TapeTrade>[] = [
  { name: 'exchange_ts', value: (row) => row.exchange_ts, text: (row) => formatRfc3339(row.exchange_ts) },
  { name: 'venue', value: (row) => row.venue },
  { name: 'instrument', value: (row) => row.instrument },
  { name: 'price', value: (row) => row.price, text: (row) => formatPrice(row.price) },
  { name: 'size', value: (row) => row.size, text: (row) => formatSize(row.size) },
  { name: 'taker_side', value: (row) => row.taker_side },
  { name: 'is_block', value: (row) => row.is_block, text: (row) => (row.is_block ? 'block' : '') },
  { name: 'trade_id', value: (row) => row.trade_id },
  { name: 'received_at', value: (row) => row.received_at, text: (row) => formatRfc3339(row.received_at) },
  { name: 'quality', value: (row) => row.quality },
  { name: 'lines', value: (row) => row.lines },
];

/** `tape trades`: trades on the tape, in the order of venue time. */
export function tradesCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return addQueryOptions(new Command('trades').description('trades on the tape, in the order of venue time'))
    .addOption(venueOption())
    .option('--instrument <id>', 'Kalshi market ticker or Polymarket token')
    .option('--from <time>', 'from this venue time on: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs')
    .option('--to <time>', 'before this venue time')
    .option('--limit <rows>', 'at most so many', parseCount)
    .action(async (options: SpanOptions & DatabaseOptions & OutputOptions) => {
      const filter = filterOf(options);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(tradesOf(client, filter), columns, options),
      );
    });
}
