import { Command, InvalidArgumentError } from 'commander';
import type { Level } from '#src/events/event.ts';
import { bookAnswer, bookColumns, bookSeries, parseSpan, SPAN_EXPECTED } from '#src/queries/book-rows.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { knowsInstrument } from '#src/storage/production/tape-queries.ts';
import type { RebuiltBook } from '#src/tape/book-rebuild.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatPrice } from '#src/units/price.ts';
import { formatSize } from '#src/units/size.ts';
import { formatRfc3339, type Micros, systemClock } from '#src/units/time.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addQueryOptions, type OutputOptions, writeRows } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface BookOptions extends DatabaseOptions, OutputOptions {
  readonly venue: string;
  readonly instrument: string;
  readonly at?: string;
  readonly from?: string;
  readonly to?: string;
  readonly every?: number;
  readonly depth?: number;
}

/** Microseconds of a text like `10s`. @throws InvalidArgumentError, which commander shows with the option's name. */
function spanOption(value: string): number {
  const micros = parseSpan(value);
  if (micros === null) throw new InvalidArgumentError(SPAN_EXPECTED);
  return micros;
}

function checkOptions({ at, from, to, every, csv, parquet }: BookOptions): void {
  const isSeries = from !== undefined && every !== undefined && at === undefined;
  if (isSeries) return;
  if (at === undefined || from !== undefined || to !== undefined || every !== undefined) {
    throw new CommandFailure('say either --at, or --from and --every (and --to) for a series');
  }
  if (csv === true || parquet !== undefined) throw new CommandFailure('--csv and --parquet are for a series');
}

function table(book: RebuiltBook, at: Micros, title: string): string {
  const cell = (level: Level | undefined): [string, string] =>
    level === undefined ? ['', ''] : [formatSize(level[1]), formatPrice(level[0])];
  const rows = Array.from({ length: Math.max(book.bids.length, book.asks.length) }, (_, index) => {
    const [bidSize, bid] = cell(book.bids[index]);
    const [askSize, ask] = cell(book.asks[index]);
    return `${bidSize.padStart(16)}  ${bid.padStart(8)} | ${ask.padEnd(8)}  ${askSize}`.trimEnd();
  });
  return [
    `${title} at ${formatRfc3339(at)}`,
    book.complete ? 'complete' : `not complete: ${book.reasons.join('; ')}`,
    `${'bid size'.padStart(16)}  ${'bid'.padStart(8)} | ${'ask'.padEnd(8)}  ask size`,
    ...(rows.length === 0 ? ['(empty)'] : rows),
    '',
  ].join('\n');
}

/** `tape book`: the book of an instrument at a venue time, or at many, rebuilt from the tape. */
export function bookCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('book').description(
    'the book of an instrument at a venue time, or every so often, rebuilt from the tape, and whether it is certain',
  );
  return addQueryOptions(command)
    .addOption(venueOption().makeOptionMandatory())
    .requiredOption('--instrument <id>', 'Kalshi market ticker or Polymarket token')
    .option('--at <time>', 'venue time: 2026-11-20T15:04:05.123456Z, "2h ago", now, or epoch s, ms, µs')
    .option('--from <time>', 'first time of a series')
    .option('--to <time>', 'before this time; now when absent')
    .option('--every <span>', 'a book of the series every 500ms, 10s, 5m, 1h, …', spanOption)
    .option('--depth <levels>', 'best levels per side; all when absent', parseCount)
    .action(async (options: BookOptions) => {
      checkOptions(options);
      const { venue, instrument } = options;
      const now = systemClock()();
      const isSeries = options.at === undefined;
      const at = parseTimeArgument(options.at ?? options.from!, now);
      const to = parseTimeArgument(options.to ?? 'now', now);
      await withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
        if (!(await knowsInstrument(client, venue, instrument))) {
          throw new CommandFailure(`the tape knows no instrument ${JSON.stringify(instrument)} on ${venue}`);
        }
        if (isSeries) {
          const books = bookSeries(client, options, { from: at, to, every: options.every! }, defaultRules);
          return await writeRows(books, bookColumns, options);
        }
        const book = await bookAnswer(client, options, at, defaultRules);
        process.stdout.write(
          options.json === true ? `${JSON.stringify(book)}\n` : table(book, at, `${venue} ${instrument}`),
        );
        return 1;
      });
    });
}
