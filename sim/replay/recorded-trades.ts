import type { TradeEvent, Venue } from '#src/events/event.ts';
import { recordedFrame } from '#src/replay/recorded-message.ts';
import type { TimedMessage } from '#src/replay/timed-messages.ts';
import type { Price } from '#src/units/price.ts';
import type { Micros } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';

/** Trades that are kept at least; a venue's REST goes back further, a long replay must not grow with it. */
const KEPT = 100_000;

export interface RecordedTrade extends TradeEvent {
  /** Of the recording where the message has no time of the venue. */
  readonly exchange_ts: Micros;
  /** The message as received. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an instrument's trades come to. */
export interface TradeFigures {
  readonly last: Price;
  /** Who took the last; null where the venue did not say. */
  readonly taker: TradeEvent['taker_side'];
  /** Of the trade before the last. */
  readonly previous: Price | null;
  /** Micro-contracts. */
  readonly volume: number;
}

/** The trades of a recording as far as it has been played, for REST. */
export class RecordedTrades {
  readonly #decoder;
  readonly #figures = new Map<string, TradeFigures>();
  #kept: RecordedTrade[] = [];

  constructor(venue: Venue) {
    this.#decoder = venueDefinition(venue).decoder();
  }

  apply({ message, useYesPrice, at }: TimedMessage): void {
    const { events } = this.#decoder.decode(recordedFrame(message), { received_at: at, useYesPrice });
    for (const event of events) {
      if (event.kind !== 'trade') continue;
      this.#kept.push({ ...event, exchange_ts: event.exchange_ts ?? at, body: message.body });
      if (this.#kept.length >= 2 * KEPT) this.#kept = this.#kept.slice(-KEPT);
      const before = this.#figures.get(event.instrument);
      this.#figures.set(event.instrument, {
        last: event.price,
        taker: event.taker_side,
        previous: before?.last ?? null,
        volume: (before?.volume ?? 0) + event.size,
      });
    }
  }

  /** Forgets everything, as before the first message. */
  clear(): void {
    this.#kept = [];
    this.#figures.clear();
  }

  /** Oldest first. */
  get all(): readonly RecordedTrade[] {
    return this.#kept;
  }

  figures(instrument: string): TradeFigures | undefined {
    return this.#figures.get(instrument);
  }
}
