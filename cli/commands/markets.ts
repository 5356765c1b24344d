import { Command } from 'commander';
import { type MarketFilter, marketsOf, type TapeMarket } from '#src/storage/production/tape-queries.ts';
import { formatRfc3339, type Micros } from '#src/units/time.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const time = (value: Micros | null): string => (value === null ? '' : formatRfc3339(value));

const columns: readonly OutputColumn<TapeMarket>[] = [
  { name: 'venue', value: (row) => row.venue },
  { name: 'market', value: (row) => row.market },
  { name: 'status', value: (row) => row.status },
  { name: 'title', value: (row) => row.title },
  { name: 'event', value: (row) => row.event },
  { name: 'series', value: (row) => row.series },
  { name: 'open_ts', value: (row) => row.open_ts, text: (row) => time(row.open_ts) },
  { name: 'close_ts', value: (row) => row.close_ts, text: (row) => time(row.close_ts) },
  {
    name: 'instruments',
    value: (row) => row.instruments,
    text: (row) => row.instruments.map(({ instrument, outcome }) => `${outcome}=${instrument}`).join(' '),
  },
];

type MarketOptions = Omit<MarketFilter, 'words'> & DatabaseOptions & OutputOptions;

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
    .option('--limit <rows>', 'at most so many', parseCount)
    .action(async (words: string[], options: MarketOptions) => {
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(marketsOf(client, { ...options, words }), columns, options),
      );
    });
}
