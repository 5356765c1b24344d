import { z } from 'zod';
import type { OutputColumn } from '../queries/output-column.ts';
import type { ColumnType } from '../storage/tables.ts';
import type { RowQuery } from './row-queries.ts';
import type { SingleQuery } from './single-answers.ts';

/** Lists come as lists, whatever a file holds them as. */
const SHAPES: Readonly<Record<ColumnType, object>> = {
  text: { type: ['string', 'null'] },
  bigint: { type: ['integer', 'null'] },
  integer: { type: ['integer', 'null'] },
  smallint: { type: ['integer', 'null'] },
  boolean: { type: 'boolean' },
  'bigint[]': { type: 'array' },
  'text[]': { type: 'array' },
  jsonb: { type: 'object' },
};

function rowSchema(columns: readonly OutputColumn<never>[]): object {
  const properties = columns.map(({ name, type = 'text', about }) => [
    name,
    { ...SHAPES[type], ...(about === undefined ? {} : { description: about }) },
  ]);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: columns.map(({ name }) => name),
  };
}

function parametersOf(schema: z.ZodObject): object[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, examples, ...rest } = property as Record<string, unknown>;
    return {
      name,
      in: 'query',
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: { ...rest, ...(examples === undefined ? {} : { examples }) },
    };
  });
}

const reference = (name: string): object => ({ $ref: `#/components/responses/${name}` });
const failures = {
  400: reference('BadRequest'),
  401: reference('Unauthorized'),
  429: reference('TooManyRequests'),
  503: reference('Unavailable'),
};
const failure = (description: string): object => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
});

function rowOperation({ path, summary, parameters, columns }: RowQuery): object {
  const row = rowSchema(columns as readonly OutputColumn<never>[]);
  const page = {
    type: 'object',
    properties: {
      data: { type: 'array', items: row },
      next: { type: ['string', 'null'], description: '`cursor` of the next page; null on the last' },
    },
    required: ['data', 'next'],
  };
  const content = { 'application/json': { schema: page }, 'application/x-ndjson': { schema: row } };
  return operation(path, summary, parameters, {
    description: 'a page of rows, or a stream of them, one JSON object per line',
    content,
  });
}

function operation(path: string, summary: string, parameters: z.ZodObject, answer: object): object {
  return {
    get: {
      operationId: path.slice('/v1/'.length).replaceAll('/', '_'),
      summary,
      parameters: parametersOf(parameters),
      responses: { 200: answer, ...failures },
    },
  };
}

const json = (description: string): object => ({
  description,
  content: { 'application/json': { schema: { type: 'object' } } },
});
const events = (description: string): object => ({
  description,
  content: { 'text/event-stream': { schema: { type: 'string' } } },
});

/** The document of the whole interface, made of the schemas that requests are read by. */
export function openApiDocument(
  rows: readonly RowQuery[],
  singles: readonly SingleQuery[],
  live: readonly { path: string; summary: string; parameters: z.ZodObject; isStream: boolean }[],
  version: string,
): object {
  const paths = [
    ...rows.map((query) => [query.path, rowOperation(query)]),
    ...singles.map(({ path, summary, parameters, answers }) => [
      path,
      operation(path, summary, parameters, json(answers)),
    ]),
    ...live.map(({ path, summary, parameters, isStream }) => [
      path,
      operation(path, summary, parameters, isStream ? events('server-sent events') : json(summary)),
    ]),
  ];
  return {
    openapi: '3.1.0',
    info: {
      title: 'prediction-tape',
      version,
      description:
        'The tape, read-only. Prices are integer micro-dollars, sizes integer micro-contracts, times integer microseconds since the epoch.',
    },
    security: [{}, { bearer: [] }, { header: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: {
        Failure: z.toJSONSchema(
          z.object({
            error: z.object({
              code: z.string(),
              message: z.string(),
              parameter: z.string().optional().meta({ description: 'the parameter that is wrong' }),
            }),
          }),
        ),
      },
      responses: {
        BadRequest: failure('a parameter is wrong; the answer names it'),
        Unauthorized: failure('no API key, or another one'),
        TooManyRequests: failure('too many requests; Retry-After says how many seconds to wait'),
        Unavailable: failure('the database does not answer, or takes too long'),
      },
    },
  };
}
