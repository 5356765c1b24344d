import type { MarketEvent, Venue } from '../events/event.ts';
import type { Price } from '../units/price.ts';
import type { Micros } from '../units/time.ts';

/** Why something in a frame could not be turned into an event. The raw frame is kept by the recorder. */
export interface DecodeProblem {
  /**
   * Stable word for counting. Something is lost: `not_json`, `missing_field`, `wrong_shape`, `bad_price`,
   * `bad_size`, `bad_time`, `bad_side`, `binary`. Nothing of the market is lost: `unknown_key`, `unknown_value`,
   * `disagreement` (two forms of one figure), `price_out_of_range` (kept), `empty`. `unknown_type` may have changed
   * a book where it takes a number of a book's subscription, or names an instrument of a venue without numbers.
   */
  readonly reason: string;
  /** What a person reads: field, value (shortened), and what was expected. */
  readonly message: string;
  /** Instrument concerned where known, so that its book can be marked suspect. */
  readonly instrument?: string;
}

/** Kalshi replies to commands; they consume sequence numbers. Polymarket has only `pong`. */
export type ControlMessage =
  | {
      readonly type: 'subscribed';
      readonly id: number | null;
      readonly channel: string;
      readonly sid: number;
    }
  | { readonly type: 'unsubscribed'; readonly id: number | null; readonly sid: number }
  | {
      readonly type: 'ok';
      readonly id: number | null;
      readonly sid: number | null;
      readonly tickers: readonly string[] | null;
      readonly subscriptions: readonly { readonly channel: string; readonly sid: number }[] | null;
    }
  | {
      readonly type: 'error';
      readonly id: number | null;
      readonly sid: number | null;
      readonly code: number;
      readonly message: string;
      readonly tickers: readonly string[];
    }
  | { readonly type: 'pong' };

/** Best prices that a venue states beside a change: evidence to hold a book against. Null is an absent side. */
export interface StatedTop {
  readonly instrument: string;
  readonly bid: Price | null;
  readonly ask: Price | null;
}

/** A change of the grid on which an instrument's prices lie: begins a new epoch of its book. */
export interface TickSizeChange {
  readonly instrument: string;
  readonly tick: Price;
}

/** Everything one frame says. Arrays are empty rather than absent. */
export interface DecodedFrame {
  readonly events: readonly MarketEvent[];
  readonly controls: readonly ControlMessage[];
  readonly problems: readonly DecodeProblem[];
  /** Stated tops by index into `events`: valid after that event and those before it are applied. */
  readonly tops: readonly { readonly after: number; readonly top: StatedTop }[];
  readonly tickSizes: readonly TickSizeChange[];
  /** Markets that books and trades name beside their instrument; absent where that is one and the same. */
  readonly markets?: readonly { readonly instrument: string; readonly market: string }[];
  /** Kalshi subscription and sequence of the frame; 0 where it has none. */
  readonly sid: number;
  readonly seq: number;
}

/** What a decoder has to know of the connection a frame came from. */
export interface FrameContext {
  readonly received_at: Micros;
  /** Kalshi only: whether the subscription asked for NO levels in YES prices. */
  readonly useYesPrice: boolean;
}

/**
 * Turns one frame into events. Never throws: what it cannot read is in `problems`, and what it can read of the
 * same frame is in `events`.
 */
export interface FrameDecoder {
  readonly venue: Venue;
  /** @param frame its text, or the bytes of that in UTF-8 */
  decode(frame: string | Uint8Array, context: FrameContext): DecodedFrame;
  /**
   * The same for whoever is done with it, and with everything in it, before the next frame: what usual messages say is
   * told in objects that are used again.
   */
  peek?(frame: string | Uint8Array, context: FrameContext): DecodedFrame;
}
