import { Command } from 'commander';
import type { Level } from '#src/events/event.ts';
import { bookAt, knowsInstrument } from '#src/storage/production/tape-queries.ts';
import type { RebuiltBook } from '#src/tape/book-rebuild.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatPrice } from '#src/units/price.ts';
import { formatSize } from '#src/units/size.ts';
import { formatRfc3339, type Micros, systemClock } from '#src/units/time.ts';
import { parseCount, venueOption } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { parseTimeArgument } from '../queries/time-argument.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface BookOptions extends DatabaseOptions {
  readonly venue: string;
  readonly instrument: string;
  readonly at: string;
  readonly depth?: number;
  readonly json?: boolean;
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

/** `tape book`: the book of an instrument at a venue time, rebuilt from the tape. */
export function bookCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  return new Command('book')
    .description(
      'the book of an instrument at a venue time, rebuilt from the tape, and whether it is certain',
    )
    .addOption(venueOption().makeOptionMandatory())
    .requiredOption('--instrument <id>', 'Kalshi market ticker or Polymarket token')
    .requiredOption(
      '--at <time>',
      'venue time: 2026-11-20T15:04:05.123456Z, "2h ago", now, or epoch s, ms, µs',
    )
    .option('--depth <levels>', 'best levels per side; all when absent', parseCount)
    .option(
      '--database <url>',
      'PostgreSQL URL of the tape; TAPE_DATABASE_URL, or the run on this machine, when absent',
    )
    .option('--data <folder>', 'data folder of the run on this machine', '.tape')
    .option('--json', 'one JSON object, levels as [price, size] in micro-dollars and micro-contracts')
    .action(async (options: BookOptions) => {
      const { venue, instrument, depth } = options;
      const at = parseTimeArgument(options.at, systemClock()());
      const whole = await withTape(dependencies.openDatabase ?? openTape, options, async (client) => {
        if (!(await knowsInstrument(client, venue, instrument))) {
          throw new CommandFailure(`the tape knows no instrument ${JSON.stringify(instrument)} on ${venue}`);
        }
        return await bookAt(client, venue, instrument, at, defaultRules);
      });
      const book = { ...whole, bids: whole.bids.slice(0, depth), asks: whole.asks.slice(0, depth) };
      const { bids, asks, complete, reasons, anchor, changes } = book;
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ venue, instrument, at, complete, reasons, bids, asks, anchor, changes })}\n`
          : table(book, at, `${venue} ${instrument}`),
      );
    });
}
