import { type Clock, MICROS_PER_SECOND } from '#src/units/time.ts';
import type { ChannelIndex } from './subscriptions.ts';

/** What the socket server asks of whatever makes or replays the market data. Bodies are the `msg` as JSON text. */
export interface KalshiFeed {
  isKnown(ticker: string): boolean;
  /** The book now, or null when there is none to give. */
  snapshot(ticker: string, useYesPrice: boolean): string | null;
  /** The last tick, or null. */
  ticker(ticker: string): string | null;
  /** Tickers of a subscription that were asked for, whether there is a book or not. */
  subscribed?(tickers: readonly string[]): void;
}

/** Limits of the venue, mostly unpublished, so configurable. */
export interface KalshiSocketLimits {
  /** Markets of one book subscription; beyond it error 26. */
  readonly marketsPerSubscription: number;
  readonly marketsPerConnection: number;
  /** Commands on one subscription in one second; beyond it error 27. */
  readonly commandsPerSubscription: number;
  readonly connections: number;
  /** Time between the venue's pings, microseconds; three without a pong end the connection. */
  readonly pingEvery: number;
  /**
   * What subscribing known tickers again on a live socket does: an acknowledgement without snapshots, or a second
   * subscription beside the first. Both have been seen.
   */
  readonly subscribedAgain: 'acknowledge' | 'second_sid';
}

export const KALSHI_SOCKET_LIMITS: KalshiSocketLimits = {
  marketsPerSubscription: 1_000,
  marketsPerConnection: 500_000,
  commandsPerSubscription: 200,
  connections: 1_000,
  pingEvery: 10 * MICROS_PER_SECOND,
  subscribedAgain: 'acknowledge',
};

/** What a connection needs of the server it belongs to. */
export interface ConnectionHost {
  readonly feed: KalshiFeed;
  readonly limits: KalshiSocketLimits;
  readonly clock: Clock;
  index(channel: string): ChannelIndex;
}
