import { Command, Option } from 'commander';
import { type GapFilter, gapsOf, type TapeGapRow } from '#src/storage/production/tape-queries.ts';
import { formatRfc3339 } from '#src/units/time.ts';
import { filterOf, parseCount, type SpanOptions, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputColumn, type OutputOptions, writeRows } from '../queries/row-output.ts';

const columns: readonly OutputColumn<TapeGapRow>[] = [
  { name: 'line', value: (row) => row.line },
  { name: 'venue', value: (row) => row.venue },
  { name: 'instrument', value: (row) => row.instrument },
  {
    name: 'from',
    value: (row) => row.from,
    text: (row) => (row.from === 0 ? 'beginning' : formatRfc3339(row.from)),
  },
  { name: 'to', value: (row) => row.to, text: (row) => (row.to === null ? 'open' : formatRfc3339(row.to)) },
  { name: 'cause', value: (row) => row.cause },
  { name: 'causes', value: (row) => row.causes },
];

/** `tape gaps`: when and of what the tape, or one line, may lack events. */
export function gapsCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return addQueryOptions(
    new Command('gaps').description(
      'intervals in which no line can prove that it saw everything; * is every instrument',
    ),
  )
    .addOption(
      new Option('--line <line>', "the tape's gaps, or those of one line")
        .choices(['tape', 'a', 'b', 'c'])
        .default('tape'),
    )
    .addOption(venueOption())
    .option('--instrument <id>', 'its gaps, and those of its whole venue')
    .option(
      '--from <time>',
      'that reach beyond this time: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs',
    )
    .option('--to <time>', 'that begin before this time')
    .option('--limit <rows>', 'at most so many', parseCount)
    .action(async (options: SpanOptions & DatabaseOptions & OutputOptions & Pick<GapFilter, 'line'>) => {
      const filter = { ...filterOf(options), line: options.line };
      await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
        writeRows(gapsOf(client, filter), columns, options),
      );
    });
}
