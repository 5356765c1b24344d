import { z } from 'zod';
import { venueNames } from '../events/event.ts';
import { parseSpan, SPAN_EXPECTED } from '../queries/book-rows.ts';
import { parseTimeArgument, TimeArgumentError } from '../queries/time-argument.ts';
import type { Clock, Micros } from '../units/time.ts';
import { ApiProblem } from './problem.ts';

/** Rows of a page at most, and without a word about it. */
export const PAGE_LIMIT = 10_000;
export const PAGE_DEFAULT = 1_000;
const STREAM_LIMIT = 100_000_000;
const LONGEST_TEXT = 300;

/** Text as the database can hold it. */
const text = (description: string) =>
  z
    .string()
    .min(1, 'expected a text that is not empty')
    .max(LONGEST_TEXT, `expected at most ${LONGEST_TEXT} characters`)
    .refine((value) => !value.includes('\u0000'), 'expected a text without a zero byte')
    .meta({ description });

const whole = (description: string, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `expected a whole number from 1 to ${most}`)
    .transform(Number)
    .pipe(z.number().min(1, 'expected 1 or more').max(most, `expected at most ${most}`))
    // As it is meant, not as the query string holds it.
    .meta({ description, type: 'integer', minimum: 1, maximum: most, pattern: undefined });

const oneOf = <const Values extends readonly [string, ...string[]]>(description: string, values: Values) =>
  z.enum(values, `expected one of ${values.join(', ')}`).meta({ description });

/** The parameters that queries are put together from, once. @param clock by which "2h ago" is meant. */
export function parametersOf(clock: Clock) {
  const time = (description: string) =>
    z
      .string()
      .max(64, 'expected a time')
      .transform((value, context): Micros => {
        try {
          return parseTimeArgument(value, clock());
        } catch (error) {
          if (!(error instanceof TimeArgumentError)) throw error;
          context.addIssue({ code: 'custom', message: error.message });
          return z.NEVER;
        }
      })
      .meta({
        description: `${description}: RFC 3339, a date, "2h ago", now, or seconds, milliseconds or microseconds since 1970`,
        examples: ['2026-11-20T15:04:05Z', '2h ago', '1795187045000000'],
      });
  const span = (description: string) =>
    z
      .string()
      .transform((value, context): number => {
        const micros = parseSpan(value);
        if (micros !== null) return micros;
        context.addIssue({ code: 'custom', message: SPAN_EXPECTED });
        return z.NEVER;
      })
      .meta({ description, examples: ['10s', '5m'] });
  const venue = oneOf('which venue', venueNames);
  const instrument = text('Kalshi market ticker or Polymarket token');
  return {
    text,
    whole,
    oneOf,
    time,
    span,
    venue,
    instrument,
    /** Of what and of when. */
    subject: {
      venue: venue.optional(),
      instrument: instrument.optional(),
      event: text("instruments of this event's markets").optional(),
      series: text("instruments of this series' markets").optional(),
      from: time('from this venue time on').optional(),
      to: time('before this venue time').optional(),
    },
    paging: {
      limit: whole(
        `rows of a page, ${PAGE_DEFAULT} when absent, ${PAGE_LIMIT} at most; of a stream, all when absent`,
        STREAM_LIMIT,
      ).optional(),
      cursor: z
        .string()
        .meta({ description: '`next` of the page before; the other parameters must stay as they were' })
        .optional(),
    },
  };
}

export type Parameters = ReturnType<typeof parametersOf>;

/**
 * The parameters of a request.
 *
 * @throws ApiProblem 400 that names the parameter and says what was expected
 */
export function readParameters<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  query: URLSearchParams,
): z.output<z.ZodObject<Shape>> {
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    const refuse = (message: string): ApiProblem =>
      new ApiProblem(400, 'bad_parameter', message, { parameter: name.slice(0, 60) });
    if (!Object.hasOwn(schema.shape, name)) {
      const names = Object.keys(schema.shape).join(', ') || 'none';
      throw refuse(`there is no parameter ${JSON.stringify(name.slice(0, 60))}; there are: ${names}`);
    }
    if (Object.hasOwn(given, name)) throw refuse(`${name} is given more than once`);
    given[name] = value;
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const parameter = String(issue.path[0] ?? '');
  const missing = parameter !== '' && !Object.hasOwn(given, parameter);
  throw new ApiProblem(
    400,
    'bad_parameter',
    missing ? `${parameter} is missing` : `${parameter || 'parameters'}: ${issue.message}`,
    parameter === '' ? {} : { parameter },
  );
}
