import { InvalidArgumentError, Option } from 'commander';
import { venueNames } from '#src/events/event.ts';
import type { TapeFilter } from '#src/storage/production/tape-queries.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { parseTimeArgument } from './time-argument.ts';

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
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
}

/** What the options of a query mean, without those that were not given. */
export function filterOf(options: SpanOptions, now: Micros = systemClock()()): TapeFilter {
  return {
    ...(options.venue === undefined ? {} : { venue: options.venue }),
    ...(options.instrument === undefined ? {} : { instrument: options.instrument }),
    ...(options.from === undefined ? {} : { from: parseTimeArgument(options.from, now) }),
    ...(options.to === undefined ? {} : { to: parseTimeArgument(options.to, now) }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
}
