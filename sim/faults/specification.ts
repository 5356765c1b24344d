/** Faults of one socket: how often a minute each happens to each connection by itself. */
export const SOCKET_FAULTS = [
  /** The socket is cut without a closing handshake. */
  'disconnect',
  /** Nothing but pongs for `stall_seconds`; what was due meanwhile is lost. */
  'stall',
  /** One message is not sent (on Kalshi its sequence number is used up). */
  'gap',
  /** One message is sent twice. */
  'duplicate',
  /** Two neighbouring messages change places. */
  'reorder',
  /** In place of one message comes text that is no JSON. */
  'malformed',
  /** One message ends in the middle. */
  'truncated',
  /** In place of one message comes a binary frame. */
  'binary',
  /** An additional message of `huge_bytes`. */
  'huge',
  /** Kalshi: a subscription ends with error 10. */
  'channel_error',
] as const;
export type SocketFault = (typeof SOCKET_FAULTS)[number];

/** Faults of REST answers: a probability for each request. */
export const REST_FAULTS = ['slow_rest', 'rest_429', 'rest_500', 'rest_html'] as const;
export type RestFault = (typeof REST_FAULTS)[number];

export type FaultedVenue = 'kalshi' | 'polymarket';

/** All faults of a simulated exchange. What is absent does not happen. */
export interface FaultSettings {
  readonly sockets: Readonly<Record<FaultedVenue, Readonly<Partial<Record<SocketFault, number>>>>>;
  readonly rest: Readonly<Partial<Record<RestFault, number>>>;
  /** Restarts of the whole exchange a minute, and how long each takes. */
  readonly restart: number;
  readonly restart_seconds: number;
  readonly stall_seconds: number;
  readonly slow_rest_ms: number;
  readonly huge_bytes: number;
  /** The exchange's stamps are so much ahead of true time. */
  readonly skew_ms: number;
}

export const NO_FAULTS: FaultSettings = {
  sockets: { kalshi: {}, polymarket: {} },
  rest: {},
  restart: 0,
  restart_seconds: 3,
  stall_seconds: 40,
  slow_rest_ms: 2_000,
  huge_bytes: 10_000_000,
  skew_ms: 0,
};

/** A wish for faults that cannot be understood. */
export class FaultSpecificationError extends Error {
  override readonly name = 'FaultSpecificationError';
}

/** A little of everything that a venue does to a line on a bad day. */
const USUAL =
  'disconnect=0.3,gap=0.5,duplicate=2,reorder=0.5,malformed=0.3,truncated=0.2,binary=0.1,slow_rest=0.05,rest_429=0.02,rest_500=0.02,rest_html=0.01';

const SCALARS = [
  'restart',
  'restart_seconds',
  'stall_seconds',
  'slow_rest_ms',
  'huge_bytes',
  'skew_ms',
] as const;

function isOneOf<T extends string>(word: string, words: readonly T[]): word is T {
  return (words as readonly string[]).includes(word);
}

/**
 * Reads `disconnect=0.5,kalshi.gap=2,slow_rest=0.1,skew_ms=250`: socket faults a minute and connection (of one
 * venue with its name before), REST faults as probabilities, and the scalars. `usual` stands for a mixture, `none`
 * for nothing; later words win over earlier ones.
 *
 * @throws FaultSpecificationError naming the word and what is accepted
 */
export function parseFaults(text: string, base: FaultSettings = NO_FAULTS): FaultSettings {
  let settings = base;
  for (const word of text.split(',').map((part) => part.trim())) {
    if (word === '') continue;
    if (word === 'none') settings = NO_FAULTS;
    else if (word === 'usual') settings = parseFaults(USUAL, settings);
    else settings = withFault(settings, word);
  }
  return settings;
}

function withFault(settings: FaultSettings, word: string): FaultSettings {
  const match = /^(?:(kalshi|polymarket)\.)?([a-z0-9_]+)=(-?[0-9]*\.?[0-9]+)$/.exec(word);
  if (match === null) {
    throw new FaultSpecificationError(`faults: "${word}" is not name=number, "usual" or "none"`);
  }
  const [, venue, name, digits] = match as unknown as [string, FaultedVenue | undefined, string, string];
  const value = Number(digits);
  if (value < 0 && name !== 'skew_ms')
    throw new FaultSpecificationError(`faults: ${name} must not be negative, got ${digits}`);
  if (isOneOf(name, SOCKET_FAULTS)) {
    const sockets = { ...settings.sockets };
    for (const one of venue === undefined ? (['kalshi', 'polymarket'] as const) : [venue]) {
      sockets[one] = { ...sockets[one], [name]: value };
    }
    return { ...settings, sockets };
  }
  if (venue === undefined && isOneOf(name, REST_FAULTS)) {
    if (value > 1)
      throw new FaultSpecificationError(`faults: ${name} is a probability from 0 to 1, got ${digits}`);
    return { ...settings, rest: { ...settings.rest, [name]: value } };
  }
  if (venue === undefined && isOneOf(name, SCALARS)) return { ...settings, [name]: value };
  throw new FaultSpecificationError(
    `faults: ${venue === undefined ? '' : `${venue}.`}${name} is unknown; known are ${[...SOCKET_FAULTS, ...REST_FAULTS, ...SCALARS].join(', ')}`,
  );
}
