import type { ClientBase } from 'pg';
import { z } from 'zod';
import { heatMap } from '../coverage/heat-map.ts';
import { conditionCounts } from '../coverage/hours.ts';
import { coverageMinutes } from '../coverage/minutes.ts';
import { bookAnswer } from '../queries/book-rows.ts';
import { rowObject } from '../queries/output-column.ts';
import { latencyColumns } from '../queries/tape-columns.ts';
import { latencyOf } from '../storage/production/latency-query.ts';
import { horizonOf, knowsInstrument } from '../storage/production/tape-queries.ts';
import { defaultRules } from '../tape/rules.ts';
import { type Clock, MICROS_PER_DAY, MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { parametersOf } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import { unknownInstrument } from './row-queries.ts';

/** What an answer is, and until when it speaks. */
interface Answer<Body = unknown> {
  readonly body: Body;
  /** Null where it speaks of the present. */
  readonly until: Micros | null;
}

/** A query with one answer. */
export interface SingleQuery {
  readonly path: string;
  readonly summary: string;
  readonly parameters: z.ZodObject;
  /** Of the answer; its shape in words where none is given. */
  readonly answers: string;
  /** Whether an answer can be settled, and then be kept. */
  readonly isKept: boolean;
  /** @throws ApiProblem where there is nothing to ask about. */
  readonly answer: (client: ClientBase, parameters: never) => Promise<Answer>;
}

/** A query whose path, parameters and answer are known when a program is compiled. */
type TypedSingleQuery<Path extends string, Shape extends z.ZodRawShape, Body> = Omit<
  SingleQuery,
  'path' | 'parameters' | 'answer'
> & {
  readonly path: Path;
  readonly parameters: z.ZodObject<Shape>;
  readonly answer: (client: ClientBase, parameters: never) => Promise<Answer<Body>>;
};

function single<const Path extends string, Shape extends z.ZodRawShape, Body>(
  query: Omit<SingleQuery, 'path' | 'parameters' | 'answer'> & {
    readonly path: Path;
    readonly parameters: z.ZodObject<Shape>;
    readonly answer: (client: ClientBase, parameters: z.output<z.ZodObject<Shape>>) => Promise<Answer<Body>>;
  },
): TypedSingleQuery<Path, Shape, Body> {
  return query;
}

const HOUR = 60 * MICROS_PER_MINUTE;
/** More would take minutes. */
const LONGEST_MAP = 2 * MICROS_PER_DAY;
const MAP_ROWS = 40;
const MAP_COLUMNS = 120;

/** Every query that gives one answer. */
export function singleQueries(clock: Clock) {
  const { venue, instrument, time, whole } = parametersOf(clock);
  const spanned = {
    venue: venue.optional(),
    from: time('from this venue time on').optional(),
    to: time('before this venue time; now when absent').optional(),
  };
  const spanOf = (
    { from, to }: { readonly from?: Micros | undefined; readonly to?: Micros | undefined },
    length: number,
  ): { from: Micros; to: Micros } => {
    const end = to ?? clock();
    const begin = from ?? ((end - length) as Micros);
    if (end <= begin)
      throw new ApiProblem(400, 'bad_parameter', 'to must be later than from', { parameter: 'to' });
    return { from: begin, to: end };
  };
  return [
    single({
      path: '/v1/book',
      summary: 'The book of an instrument at a venue time, rebuilt from the tape, and whether it is certain',
      answers: 'bids and asks best first, each price (micro-dollars) and size (micro-contracts)',
      isKept: true,
      parameters: z.object({
        venue,
        instrument,
        at: time('venue time; as far as the tape is settled when absent').optional(),
        depth: whole('best levels per side; all when absent', 10_000).optional(),
      }),
      answer: async (client, { venue: name, instrument: id, at: asked, depth }) => {
        if (!(await knowsInstrument(client, name, id))) throw unknownInstrument(name, id);
        const at = asked ?? (await horizonOf(client, defaultRules, name)) ?? clock();
        const body = await bookAnswer(
          client,
          { venue: name, instrument: id, ...(depth && { depth }) },
          at,
          defaultRules,
        );
        return { body, until: asked ?? null };
      },
    }),
    single({
      path: '/v1/latency',
      summary: 'Percentiles of latency by venue, kind and stage; of the last hour when no span is given',
      answers: 'rows of latency, microseconds',
      isKept: false,
      parameters: z.object(spanned),
      answer: async (client, parameters) => {
        const { from, to } = spanOf(parameters, HOUR);
        const rows = await latencyOf(client, from, to, parameters.venue);
        return { body: { data: rows.map((row) => rowObject(latencyColumns, row)), next: null }, until: null };
      },
    }),
    single({
      path: '/v1/coverage/conditions',
      summary:
        'How many markets are available, degraded, pending or missing, by venue and hour; of the last day when no span is given',
      answers: 'rows of venue, hour (microseconds since the epoch), condition and markets',
      isKept: false,
      parameters: z.object(spanned),
      answer: async (client, parameters) => {
        const span = spanOf(parameters, MICROS_PER_DAY);
        const { venue: name } = parameters;
        const data = await conditionCounts(client, { ...span, ...(name && { venue: name }) });
        return { body: { data, next: null }, until: null };
      },
    }),
    single({
      path: '/v1/coverage/map',
      summary:
        'Completeness as a picture: the busiest instruments over stretches of time; of the last hour when no span is given',
      answers: 'rows of instruments with a cell for each stretch: proving lines, share in gaps, events',
      isKept: false,
      parameters: z.object({
        ...spanned,
        instrument: instrument.optional(),
        rows: whole(`instruments, ${MAP_ROWS} when absent`, 500).optional(),
        columns: whole(`stretches of time, ${MAP_COLUMNS} when absent`, 1_440).optional(),
      }),
      answer: async (client, { rows, columns, venue: name, instrument: id, ...parameters }) => {
        const span = spanOf(parameters, HOUR);
        if (span.to - span.from > LONGEST_MAP)
          throw new ApiProblem(400, 'bad_parameter', 'a map has two days at most', { parameter: 'from' });
        const filter = { ...span, ...(name && { venue: name }), ...(id && { instrument: id }) };
        const size = { rows: rows ?? MAP_ROWS, columns: columns ?? MAP_COLUMNS };
        const minutes = coverageMinutes(client, { ...filter, busiest: size.rows }, defaultRules);
        const { leftOut: _, ...body } = await heatMap(minutes, span, size);
        return { body, until: null };
      },
    }),
  ];
}
