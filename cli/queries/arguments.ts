import { type Command, InvalidArgumentError, Option } from 'commander';
import { venueNames } from '#src/events/event.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import type { TapeFilter } from '#src/storage/production/tape-filter.ts';
import { type Micros, systemClock } from '#src/units/time.ts';

export const venueOption = (description = 'which venue'): Option =>
  new Option('--venue <venue>', description).choices(venueNames);

/** @throws InvalidArgumentError, which commander shows with the option's name. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('expected a whole number from 1 on');
  return value;
}

export interface SpanOptions {
  readonly venue?: string;
  readonly instrument?: string;
  readonly event?: string;
  readonly series?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
}

/** What the options of a query mean, without those that were not given. */
export function filterOf(options: SpanOptions, now: Micros = systemClock()()): TapeFilter {
  return {
    ...(options.venue === undefined ? {} : { venue: options.venue }),
    ...(options.instrument === undefined ? {} : { instrument: options.instrument }),
    ...(options.event === undefined ? {} : { event: options.event }),
    ...(options.series === undefined ? {} : { series: options.series }),
    ...(options.from === undefined ? {} : { from: parseTimeArgument(options.from, now) }),
    ...(options.to === undefined ? {} : { to: parseTimeArgument(options.to, now) }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
}

const FROM = 'from this venue time on: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs';

interface SpanWords {
  readonly from?: string;
  readonly to?: string;
}

/** The options by which a command says of what and of when. */
export function addSubjectOptions(command: Command, words: SpanWords = {}): Command {
  return command
    .addOption(venueOption())
    .option('--instrument <id>', 'Kalshi market ticker or Polymarket token')
    .option('--event <id>', "instruments of this event's markets")
    .option('--series <id>', "instruments of this series' markets")
    .option('--from <time>', words.from ?? FROM)
    .option('--to <time>', words.to ?? 'before this venue time');
}

/** The options by which a query says of what, of when and of how much. */
export function addSpanOptions(command: Command, words: SpanWords = {}): Command {
  return addSubjectOptions(command, words).option('--limit <rows>', 'at most so many', parseCount);
}
