import type { Micros } from '../../units/time.ts';
import type { SessionPort, SessionProfile, VenueSession } from '../session.ts';
import { KalshiBookSession } from './session-book.ts';
import { MarketLimits } from './session-chunks.ts';
import type { CommandSettings } from './session-commands.ts';
import { DEFAULT_COMMANDS } from './session-commands.ts';
import { KalshiFeedSession } from './session-feed.ts';
import { PING_EVERY } from './session-heartbeat.ts';

export interface KalshiProfileSettings {
  /** Asks for NO levels in YES prices; always sent, because the venue is going to change its default. */
  readonly useYesPrice: boolean;
  /** Also listens to the lifecycle of combos (multivariate markets). */
  readonly combos: boolean;
  /** Tickers of one command to begin with; halved where the venue refuses. Default 400. */
  readonly chunk?: number;
  readonly commands?: Partial<CommandSettings>;
}

/** Sessions of the Kalshi socket: purposes `book`, `ticker`, `trade` and `lifecycle`. */
export function kalshiProfile(settings: KalshiProfileSettings): SessionProfile {
  const limits = new MarketLimits(settings.chunk);
  const commands = { ...DEFAULT_COMMANDS, ...settings.commands };
  const channels: Readonly<Record<string, readonly string[]>> = {
    ticker: ['ticker'],
    trade: ['trade'],
    lifecycle: settings.combos
      ? ['market_lifecycle_v2', 'multivariate_market_lifecycle']
      : ['market_lifecycle_v2'],
  };
  return {
    venue: 'kalshi',
    useYesPrice: settings.useYesPrice,
    // Ticks have no numbers.
    isNumbered: (purpose) => purpose !== 'ticker',
    heardEvery: PING_EVERY as Micros,
    session(purpose: string, port: SessionPort): VenueSession {
      const feed = channels[purpose];
      if (feed !== undefined) return new KalshiFeedSession(port, feed, commands);
      if (purpose === 'book') {
        return new KalshiBookSession(port, { useYesPrice: settings.useYesPrice, limits, commands });
      }
      throw new Error(
        `Kalshi has no connections for ${JSON.stringify(purpose)}; expected book, ticker, trade or lifecycle`,
      );
    },
  };
}
