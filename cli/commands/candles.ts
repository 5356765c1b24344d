import { Command, Option } from 'commander';
import { candleColumns } from '#src/queries/tape-columns.ts';
import { type CandleRequest, candlesOf } from '#src/storage/production/candle-query.ts';
import { candleWidths } from '#src/tape/candles.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

type CandleOptions = SpanOptions &
  DatabaseOptions &
  OutputOptions & { readonly width: CandleRequest['width'] } & Pick<CandleRequest, 'of' | 'empty'>;

/** `tape candles`: open, high, low, close and volume by instrument and bucket of venue time. */
export function candlesCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('candles')
    .description(
      'open, high, low, close and volume by instrument and bucket, as the tape is now, late rows included',
    )
    .addOption(
      new Option('--width <width>', 'of a bucket, in UTC').choices(Object.keys(candleWidths)).default('1m'),
    )
    .addOption(
      new Option('--of <prices>', 'of trades, or of mids of proven books at intervals')
        .choices(['trades', 'mids'])
        .default('trades'),
    )
    .addOption(
      new Option(
        '--empty <what>',
        'buckets without a price: leave out, give with nulls, carry the last price',
      )
        .choices(['skip', 'null', 'carry'])
        .default('skip'),
    );
  return addSpanOptions(addQueryOptions(command), {
    from: 'from the bucket of this venue time on: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs',
    to: 'to the end of the bucket before this venue time',
  }).action(async (options: CandleOptions) => {
    const { width, of, empty } = options;
    const request = { ...filterOf(options), width, of, empty };
    await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
      writeRows(candlesOf(client, request, defaultRules), candleColumns, options),
    );
  });
}
