import { Command } from 'commander';
import { marketColumns } from '#src/queries/tape-columns.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { type MarketFilter, marketsOf } from '#src/storage/production/tape-queries.ts';
import { systemClock } from '#src/units/time.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

interface MarketOptions
  extends Omit<MarketFilter, 'words' | 'closesFrom' | 'closesTo'>,
    DatabaseOptions,
    OutputOptions {
  readonly closesFrom?: string;
  readonly closesTo?: string;
}

function filterOf({ closesFrom, closesTo, ...options }: MarketOptions, words: string[]): MarketFilter {
  const now = systemClock()();
  return {
    ...options,
    words,
    ...(closesFrom === undefined ? {} : { closesFrom: parseTimeArgument(closesFrom, now) }),
    ...(closesTo === undefined ? {} : { closesTo: parseTimeArgument(closesTo, now) }),
  };
}

/** `tape markets`: the markets that the lines know, found by words of their title or by what they belong to. */
export function marketsCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return addQueryOptions(new Command('markets').description('markets that the lines know'))
    .argument('[words...]', 'words of the title, each as a beginning of one')
    .addOption(venueOption())
    .option('--market <id>', 'Kalshi ticker or Polymarket condition id')
    .option('--instrument <id>', 'the market of this instrument')
    .option('--event <id>', 'markets of this event')
    .option('--series <id>', 'markets of this series')
    .option('--status <word>', "the venue's own word")
    .option('--closes-from <time>', 'that close at this time or later')
    .option('--closes-to <time>', 'that close before this time')
    .option('--limit <rows>', 'at most so many', parseCount)
    .action(async (words: string[], options: MarketOptions) => {
      const filter = filterOf(options, words);
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(marketsOf(client, filter), marketColumns, options),
      );
    });
}
