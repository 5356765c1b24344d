import { createHash } from 'node:crypto';
import { ApiProblem } from './problem.ts';

/** Types of the values that say where a row stands in a query's order. */
export type PlaceType = 'text' | 'integer';

const MAX_LENGTH = 2_000;

/**
 * Where the next page begins: the place of the last row given, never a count of rows, so that rows that come
 * meanwhile are neither given twice nor push others out. It belongs to one query: its other parameters go into it.
 *
 * @param query what the cursor belongs to: path and parameters but for cursor and limit
 */
export function pageCursor(query: string, place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([digestOf(query), ...place])).toString('base64url');
}

/** @throws ApiProblem naming the parameter when the text is no cursor of this query. */
export function placeOfCursor(query: string, types: readonly PlaceType[], cursor: string): unknown[] {
  const refuse = (message: string): ApiProblem =>
    new ApiProblem(400, 'bad_parameter', message, { parameter: 'cursor' });
  let value: unknown;
  try {
    value = cursor.length > MAX_LENGTH ? null : JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    value = null;
  }
  if (!Array.isArray(value)) throw refuse('not a cursor: give `next` of the page before as it was');
  const [digest, ...place] = value as unknown[];
  if (digest !== digestOf(query))
    throw refuse('the cursor belongs to other parameters: only `limit` may differ between pages');
  const isWhole =
    place.length === types.length && place.every((part, index) => isOfType(part, types[index]!));
  if (!isWhole) throw refuse('not a cursor: give `next` of the page before as it was');
  return place;
}

function isOfType(part: unknown, type: PlaceType): boolean {
  return type === 'text' ? typeof part === 'string' && !part.includes('\u0000') : Number.isSafeInteger(part);
}

const digestOf = (query: string): string =>
  createHash('sha256').update(query).digest('base64url').slice(0, 12);
