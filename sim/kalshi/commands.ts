/** Errors of the socket, by code (protocol: WebSocket, replies). */
export const ERRORS: Readonly<Record<number, string>> = {
  1: 'Unable to process message',
  2: 'Params required',
  3: 'Channels required',
  4: 'Subscription IDs required',
  5: 'Unknown command',
  7: 'Unknown subscription ID',
  8: 'Unknown channel name',
  10: 'Channel error',
  11: 'Invalid parameter',
  12: 'Exactly one subscription ID is required',
  13: 'Unsupported action',
  14: 'Market ticker required',
  15: 'Action required',
  25: 'Subscription buffer overflow',
  26: 'Subscription market limit exceeded',
  27: 'Too many requests on the subscription',
};

/** A command that is refused. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly sid: number | null;

  constructor(code: number, sid: number | null = null) {
    super(ERRORS[code] ?? 'Error');
    this.code = code;
    this.sid = sid;
  }
}

export interface Command {
  readonly id: number;
  readonly cmd: string;
  readonly params: Readonly<Record<string, unknown>> | null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads one command. @returns null with an id where the text is not a command at all. */
export function readCommand(text: string): Command | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(body)) return null;
  const { id = 0, cmd, params } = body;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0 || typeof cmd !== 'string') return null;
  return { id, cmd, params: isObject(params) ? params : null };
}

/** The tickers that a command names, without repetitions, or null when it names none. @throws Refusal 11 */
export function namedTickers(params: Readonly<Record<string, unknown>>): string[] | null {
  const forms = ['market_ticker', 'market_tickers', 'market_id', 'market_ids'].filter(
    (name) => params[name] !== undefined && params[name] !== null,
  );
  if (forms.length === 0) return null;
  if (forms.length > 1) throw new Refusal(11);
  const form = forms[0]!;
  if (form.startsWith('market_id')) throw new Refusal(11);
  const value = params[form];
  const list = form === 'market_ticker' ? [value] : value;
  if (!Array.isArray(list) || !list.every((ticker) => typeof ticker === 'string' && ticker !== ''))
    throw new Refusal(11);
  return list.length === 0 ? null : [...new Set(list as string[])];
}

/** The one sid that an update names. @throws Refusal 4, 11 or 12 */
export function singleSid(params: Readonly<Record<string, unknown>>): number {
  const { sid, sids } = params;
  if (sid !== undefined && sids !== undefined) throw new Refusal(12);
  if (sid === undefined && sids === undefined) throw new Refusal(12);
  const list = sid === undefined ? sids : [sid];
  if (!Array.isArray(list)) throw new Refusal(11);
  if (list.length !== 1) throw new Refusal(12);
  if (!Number.isSafeInteger(list[0])) throw new Refusal(11);
  return list[0] as number;
}
