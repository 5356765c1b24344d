import type { Clock } from '#src/units/time.ts';
import type { VenueSocket } from '../faults/venue-socket.ts';
import { KalshiConnection } from './connection.ts';
import type { ConnectionHost, KalshiFeed, KalshiSocketLimits } from './socket-rules.ts';
import { CHANNELS, ChannelIndex } from './subscriptions.ts';

/** Kalshi's market data socket: connections, who subscribed to what, and sending it to them. */
export class KalshiGateway implements ConnectionHost {
  readonly feed: KalshiFeed;
  readonly limits: KalshiSocketLimits;
  readonly clock: Clock;
  readonly #connections = new Map<VenueSocket, KalshiConnection>();
  readonly #channels = new Map(Object.keys(CHANNELS).map((name) => [name, new ChannelIndex()]));

  constructor(feed: KalshiFeed, limits: KalshiSocketLimits, clock: Clock) {
    this.feed = feed;
    this.limits = limits;
    this.clock = clock;
  }

  get connections(): readonly KalshiConnection[] {
    return [...this.#connections.values()];
  }

  get isFull(): boolean {
    return this.#connections.size >= this.limits.connections;
  }

  index(channel: string): ChannelIndex {
    return this.#channels.get(channel)!;
  }

  open(socket: VenueSocket): KalshiConnection {
    const connection = new KalshiConnection(this, socket);
    this.#connections.set(socket, connection);
    return connection;
  }

  closed(socket: VenueSocket): void {
    this.#connections.get(socket)?.end();
    this.#connections.delete(socket);
  }

  tick(): void {
    for (const [socket, connection] of this.#connections) {
      socket.tick();
      connection.tick();
    }
  }

  /**
   * A change of one book, or the whole of it.
   *
   * @param msg the message with NO levels in NO prices
   * @param yesMsg the same in YES prices
   * @returns how many subscriptions it was handed to
   */
  book(ticker: string, type: 'orderbook_delta' | 'orderbook_snapshot', msg: string, yesMsg: string): number {
    let delivered = 0;
    for (const subscription of this.index('orderbook_delta').of(ticker)) {
      if (subscription.publish(type, subscription.useYesPrice ? yesMsg : msg)) delivered++;
    }
    return delivered;
  }

  /** A message about one market on a channel that can be had for some markets or for all. */
  market(channel: 'trade' | 'ticker', ticker: string, msg: string): number {
    const index = this.index(channel);
    let delivered = 0;
    for (const subscriptions of [index.all, index.of(ticker)]) {
      for (const subscription of subscriptions) if (subscription.publish(channel, msg)) delivered++;
    }
    return delivered;
  }

  /** A message to everybody on a lifecycle channel. */
  announce(
    channel: 'market_lifecycle_v2' | 'multivariate_market_lifecycle',
    type: string,
    msg: string,
  ): number {
    let delivered = 0;
    for (const subscription of this.index(channel).all) if (subscription.publish(type, msg)) delivered++;
    return delivered;
  }

  /** How many connections have a book subscription with this market. */
  bookSubscribers(ticker: string): number {
    return this.index('orderbook_delta').count(ticker);
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#connections.keys()) {
      socket.close(code, reason);
      setTimeout(() => socket.terminate(), 200).unref();
    }
  }
}
