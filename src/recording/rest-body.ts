/** Lists under which the venues' REST bodies hold what they hold. */
const LISTS: readonly string[] = [
  'events',
  'markets',
  'trades',
  'series',
  'orderbooks',
  'candlesticks',
  'data',
];
const SINGLES: readonly string[] = ['market', 'event', 'orderbook', 'orderbook_fp'];
/** Keys by which an element of a bare list is told from a message. */
const ELEMENTS: readonly string[] = ['conditionId', 'clobTokenIds', 'questionID', 'condition_id', 'token_id'];

/** What a text is that holds no frame but the body of a REST answer, in a few words; null where it is none. */
export function restBody(text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (Array.isArray(body)) {
    const first: unknown = body[0];
    return has(first, ELEMENTS) || (has(first, ['slug']) && has(first, ['markets']))
      ? `${body.length} entries`
      : null;
  }
  if (typeof body !== 'object' || body === null) return null;
  if (has(body, ['type', 'event_type', 'asset_id'])) return null;
  for (const key of LISTS) {
    const list = (body as Record<string, unknown>)[key];
    if (Array.isArray(list)) return `${list.length} ${key}`;
  }
  for (const key of SINGLES) {
    const single = (body as Record<string, unknown>)[key];
    if (typeof single === 'object' && single !== null) return `one ${key}`;
  }
  return has(body, ELEMENTS) ? 'one market' : null;
}

function has(value: unknown, keys: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && keys.some((key) => key in value);
}
