import type { Query } from './http-client.ts';

/** A query of the parameters that have a value; an array repeats its parameter. */
export function queryOf(
  parameters: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>,
): Query {
  const query: [string, string][] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const one of value) query.push([name, one]);
    else query.push([name, String(value)]);
  }
  return query;
}
