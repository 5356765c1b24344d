import { Command, Option } from 'commander';
import { gapColumns } from '#src/queries/tape-columns.ts';
import { type GapFilter, gapsOf } from '#src/storage/production/tape-queries.ts';
import { addSpanOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';

/** `tape gaps`: when and of what the tape, or one line, may lack events. */
export function gapsCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('gaps')
    .description(
      'intervals in which no line can prove that it saw everything; * is every instrument of the venue',
    )
    .addOption(
      new Option('--line <line>', "the tape's gaps, or those of one line")
        .choices(['tape', 'a', 'b', 'c'])
        .default('tape'),
    );
  return addSpanOptions(addQueryOptions(command), {
    from: 'that reach beyond this time: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs',
    to: 'that begin before this time',
  }).action(async (options: SpanOptions & DatabaseOptions & OutputOptions & Pick<GapFilter, 'line'>) => {
    const filter = { ...filterOf(options), line: options.line };
    await withTape(dependencies.openDatabase ?? openTape, options, (client) =>
      writeRows(gapsOf(client, filter), gapColumns, options),
    );
  });
}
