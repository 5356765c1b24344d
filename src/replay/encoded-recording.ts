import type { FrameRecorder } from '../capture/sink.ts';
import type { MarketEvent, Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { FrameEncoder, MarketOf } from '../venues/frame-encoder.ts';
import { venueDefinition } from '../venues/registration.ts';

/**
 * Turns events back into a raw recording: frames in the venues' own words, each at the time at which its events were
 * received. What the events of one venue, instant and arrival become is for the venue's encoder to say.
 */
export class EncodedRecording {
  readonly #into: FrameRecorder;
  readonly #marketOf: MarketOf;
  readonly #encoders = new Map<Venue, FrameEncoder>();
  #waiting: MarketEvent[] = [];
  #frames = 0;

  constructor(into: FrameRecorder, marketOf: MarketOf) {
    this.#into = into;
    this.#marketOf = marketOf;
  }

  get frames(): number {
    return this.#frames;
  }

  add(event: MarketEvent): void {
    const before = this.#waiting[0];
    if (before !== undefined && !belongTogether(before, event)) this.flush();
    this.#waiting.push(event);
  }

  /** After the last event. */
  flush(): void {
    const events = this.#waiting;
    const first = events[0];
    if (first === undefined) return;
    this.#waiting = [];
    for (const frame of this.#encoderOf(first.venue).encode(events)) {
      this.#frames++;
      this.#into.received(first.received_at as Micros, first.venue, frame);
    }
  }

  #encoderOf(venue: Venue): FrameEncoder {
    let encoder = this.#encoders.get(venue);
    if (encoder === undefined) {
      encoder = venueDefinition(venue).encoder(this.#marketOf);
      this.#encoders.set(venue, encoder);
    }
    return encoder;
  }
}

const belongTogether = (a: MarketEvent, b: MarketEvent): boolean =>
  a.venue === b.venue && a.exchange_ts === b.exchange_ts && a.received_at === b.received_at;
