import { type Clock, MICROS_PER_SECOND } from '#src/units/time.ts';
import type { MessageTraits, VenueSocket } from '../faults/venue-socket.ts';

/** What the socket server asks of whatever makes or replays the market data. */
export interface PolymarketFeed {
  /** The book of a token as a `book` message, or null when there is none to give. */
  initialBook(token: string): string | null;
  /** An array frame with these tokens' books was handed over; `delivered` unless a fault took it. */
  sentInitial?(tokens: readonly string[], delivered: boolean): void;
  subscribed?(tokens: readonly string[]): void;
}

/** Limits of the venue, none of them published. */
export interface PolymarketSocketLimits {
  /** Tokens of one connection that get an initial book; the others get changes only. */
  readonly tokensWithBook: number;
  /** A client that has not sent PING for so long is cut off, microseconds. */
  readonly silence: number;
  /** Whether `unsubscribe` takes effect. */
  readonly honoursUnsubscribe: boolean;
}

export const POLYMARKET_SOCKET_LIMITS: PolymarketSocketLimits = {
  tokensWithBook: 500,
  silence: 30 * MICROS_PER_SECOND,
  honoursUnsubscribe: true,
};

const INVALID = { code: 1008, reason: 'invalid subscription payload' } as const;

function isTokenList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((token) => typeof token === 'string');
}

/** One client of the market channel (protocol: market channel). */
export class PolymarketConnection {
  readonly socket: VenueSocket;
  readonly tokens = new Set<string>();
  readonly #gateway: PolymarketGateway;
  #withBook = new Set<string>();
  #isSubscribed = false;
  #customFeatures = false;
  #heard: number;

  constructor(gateway: PolymarketGateway, socket: VenueSocket) {
    this.#gateway = gateway;
    this.socket = socket;
    this.#heard = gateway.clock();
  }

  /** Whether it asked for best prices and announcements. */
  get wantsExtras(): boolean {
    return this.#customFeatures && this.#isSubscribed;
  }

  tick(): void {
    this.socket.tick();
    if (this.#gateway.clock() - this.#heard > this.#gateway.limits.silence) this.socket.terminate();
  }

  message(text: string): void {
    if (text === 'PING') {
      if (!this.#isSubscribed) {
        this.socket.close(INVALID.code, INVALID.reason);
        return;
      }
      this.#heard = this.#gateway.clock();
      this.socket.pong('PONG');
      return;
    }
    let body: Record<string, unknown> | null;
    try {
      body = JSON.parse(text) as Record<string, unknown> | null;
    } catch {
      body = null;
    }
    const tokens = body?.['assets_ids'];
    if (body === null || typeof body !== 'object' || !isTokenList(tokens)) {
      if (!this.#isSubscribed) this.socket.close(INVALID.code, INVALID.reason);
      return;
    }
    if (typeof body['custom_feature_enabled'] === 'boolean')
      this.#customFeatures = body['custom_feature_enabled'];
    const { operation, type } = body;
    if (!this.#isSubscribed) {
      if (type !== 'market' && type !== 'MARKET') {
        this.socket.close(INVALID.code, INVALID.reason);
        return;
      }
      this.#isSubscribed = true;
      this.#heard = this.#gateway.clock();
      this.#subscribe(tokens, body['initial_dump'] !== false);
      return;
    }
    if (operation === 'unsubscribe') this.#unsubscribe(tokens);
    else if (operation === 'subscribe' || operation === undefined)
      this.#subscribe(tokens, body['initial_dump'] !== false);
  }

  #subscribe(tokens: readonly string[], wantsBooks: boolean): void {
    const fresh = [...new Set(tokens)].filter((token) => !this.tokens.has(token));
    const books: string[] = [];
    const sent: string[] = [];
    for (const token of fresh) {
      this.tokens.add(token);
      if (!wantsBooks || this.#withBook.size >= this.#gateway.limits.tokensWithBook) continue;
      this.#withBook.add(token);
      const book = this.#gateway.feed.initialBook(token);
      if (book === null) continue;
      books.push(book);
      sent.push(token);
    }
    this.#gateway.add(this, fresh);
    if (books.length > 0) {
      const delivered = this.socket.data(`[${books.join(',')}]`, { order: -1, repeatable: true });
      this.#gateway.feed.sentInitial?.(sent, delivered);
    }
    this.#gateway.feed.subscribed?.(fresh);
  }

  #unsubscribe(tokens: readonly string[]): void {
    if (!this.#gateway.limits.honoursUnsubscribe) return;
    const gone = tokens.filter((token) => this.tokens.delete(token));
    for (const token of gone) this.#withBook.delete(token);
    this.#gateway.remove(this, gone);
  }
}

const NOBODY: ReadonlySet<PolymarketConnection> = new Set();

/** Polymarket's market channel: connections, who subscribed to which tokens, and sending it to them. */
export class PolymarketGateway {
  readonly feed: PolymarketFeed;
  readonly limits: PolymarketSocketLimits;
  readonly clock: Clock;
  readonly #connections = new Map<VenueSocket, PolymarketConnection>();
  readonly #byToken = new Map<string, Set<PolymarketConnection>>();

  constructor(feed: PolymarketFeed, limits: PolymarketSocketLimits, clock: Clock) {
    this.feed = feed;
    this.limits = limits;
    this.clock = clock;
  }

  get connections(): readonly PolymarketConnection[] {
    return [...this.#connections.values()];
  }

  open(socket: VenueSocket): PolymarketConnection {
    const connection = new PolymarketConnection(this, socket);
    this.#connections.set(socket, connection);
    return connection;
  }

  closed(socket: VenueSocket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    this.remove(connection, connection.tokens);
  }

  add(connection: PolymarketConnection, tokens: Iterable<string>): void {
    for (const token of tokens) {
      const subscribers = this.#byToken.get(token);
      if (subscribers === undefined) this.#byToken.set(token, new Set([connection]));
      else subscribers.add(connection);
    }
  }

  remove(connection: PolymarketConnection, tokens: Iterable<string>): void {
    for (const token of tokens) {
      const subscribers = this.#byToken.get(token);
      subscribers?.delete(connection);
      if (subscribers?.size === 0) this.#byToken.delete(token);
    }
  }

  subscribers(token: string): ReadonlySet<PolymarketConnection> {
    return this.#byToken.get(token) ?? NOBODY;
  }

  tick(): void {
    for (const connection of this.#connections.values()) connection.tick();
  }

  /**
   * A message that concerns several tokens: once to every connection that subscribed to any of them.
   *
   * @returns for each token, to how many of its subscribers it was handed
   */
  change(tokens: readonly string[], frame: string, traits: MessageTraits): number[] {
    const delivered = tokens.map(() => 0);
    const asked = new Set(tokens.flatMap((token) => [...this.subscribers(token)]));
    for (const connection of asked) {
      if (!connection.socket.data(frame, traits)) continue;
      tokens.forEach((token, index) => {
        if (connection.tokens.has(token)) delivered[index]!++;
      });
    }
    return delivered;
  }

  /** A change that is sent once more, to some of those who got it. */
  resend(tokens: readonly string[], frame: string, traits: MessageTraits): void {
    for (const connection of new Set(tokens.flatMap((token) => [...this.subscribers(token)]))) {
      if (connection.socket.plan.random.chance(0.5)) connection.socket.data(frame, traits);
    }
  }

  /** A message about one token. @param extra only to those that asked for the additional messages */
  token(token: string, frame: string, traits: MessageTraits, extra = false): number {
    let delivered = 0;
    for (const connection of this.subscribers(token)) {
      if (extra && !connection.wantsExtras) continue;
      if (connection.socket.data(frame, traits)) delivered++;
    }
    return delivered;
  }

  /** An announcement goes to every connection that asked for them, whatever its tokens. */
  announce(frame: string, traits: MessageTraits): number {
    let delivered = 0;
    for (const connection of this.#connections.values()) {
      if (connection.wantsExtras && connection.socket.data(frame, traits)) delivered++;
    }
    return delivered;
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#connections.keys()) {
      socket.close(code, reason);
      setTimeout(() => socket.terminate(), 200).unref();
    }
  }
}
