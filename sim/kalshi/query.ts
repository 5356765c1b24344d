/** A request that is refused with 400. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** A parameter that is a whole number, or null where it is absent. @throws BadRequest */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | null {
  const text = query.get(name);
  if (text === null || text === '') return null;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < least || value > most) {
    throw new BadRequest(
      name,
      `${name} must be a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`,
    );
  }
  return value;
}

/**
 * One page of a list. The cursor is opaque and stands for the last element given, so that it holds while others
 * are added. @throws BadRequest for a limit or a cursor that is none
 */
export function page<T>(
  query: URLSearchParams,
  largest: number,
  usual: number,
  items: readonly T[],
  key: (item: T) => string,
): { readonly items: readonly T[]; readonly cursor: string } {
  const limit = wholeNumber(query, 'limit', 1, largest) ?? usual;
  const cursor = query.get('cursor');
  let from = 0;
  if (cursor !== null && cursor !== '') {
    const last = Buffer.from(cursor, 'base64url').toString('utf8');
    from = items.findIndex((item) => key(item) === last) + 1;
    if (from === 0) throw new BadRequest('cursor', 'unknown cursor');
  }
  const taken = items.slice(from, from + limit);
  const isLast = from + limit >= items.length;
  return { items: taken, cursor: isLast ? '' : Buffer.from(key(taken.at(-1)!)).toString('base64url') };
}
