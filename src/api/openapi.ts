import { z } from 'zod';
import type { OutputColumn } from '../queries/output-column.ts';
import type { ColumnType } from '../storage/tables.ts';
import { failureBody } from './problem.ts';
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

function parametersOf(schema: z.ZodObject): { readonly name: string; readonly required: boolean }[] {
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
  403: reference('Forbidden'),
  429: reference('TooManyRequests'),
  500: reference('Fault'),
  503: reference('Unavailable'),
};
const header = (description: string, type: string): object => ({ description, schema: { type } });
const retryAfter = { 'Retry-After': header('seconds to wait before asking again', 'integer') };
const etag = {
  ETag: header('of an answer that is settled: send it as If-None-Match to ask again', 'string'),
};
const failure = (description: string, headers?: object): object => ({
  description,
  ...(headers === undefined ? {} : { headers }),
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
    headers: etag,
    content,
  });
}

/** @param answer may be kept by whoever asked where it has an `ETag`. */
function operation(path: string, summary: string, parameters: z.ZodObject, answer: object): object {
  const asked = parametersOf(parameters);
  const isOfInstrument = asked.some(({ name, required }) => name === 'instrument' && required);
  return {
    get: {
      operationId: path.slice('/v1/'.length).replaceAll('/', '_'),
      summary,
      parameters: asked,
      responses: {
        200: answer,
        ...('headers' in answer ? { 304: reference('NotModified') } : {}),
        ...(isOfInstrument ? { 404: reference('UnknownInstrument') } : {}),
        ...failures,
      },
    },
  };
}

const json = (description: string, isKept = false): object => ({
  description,
  ...(isKept ? { headers: etag } : {}),
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
    ...singles.map(({ path, summary, parameters, answers, isKept }) => [
      path,
      operation(path, summary, parameters, json(answers, isKept)),
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
        'The tape, read-only. Prices are integer micro-dollars, sizes integer micro-contracts, times integer microseconds since the epoch. Every path answers HEAD as it does GET, and every other method with 405.',
    },
    security: [{}, { bearer: [] }, { header: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: {
        Failure: z.toJSONSchema(failureBody),
      },
      responses: {
        BadRequest: failure('a parameter is wrong; the answer names it'),
        Unauthorized: failure('no API key, or another one'),
        Forbidden: failure('without a key, the server answers under the name localhost only'),
        NotModified: { description: 'the answer is the one that If-None-Match names', headers: etag },
        UnknownInstrument: failure('the tape does not know the instrument'),
        TooManyRequests: failure('too many requests', retryAfter),
        Fault: failure('a mistake of the server; its log has more'),
        Unavailable: failure('the database does not answer, or takes too long', retryAfter),
      },
    },
  };
}
