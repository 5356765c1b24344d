import type { MarketEvent } from '#src/events/event.ts';
import type { Micros } from '#src/units/time.ts';
import type {
  ControlMessage,
  DecodedFrame,
  DecodeProblem,
  FrameDecoder,
  StatedTop,
} from '#src/venues/decoder.ts';
import { frameText } from '#src/venues/frame-bytes.ts';

type WithoutReceipt<E> = E extends MarketEvent ? Omit<E, 'received_at'> : never;

/** What a frame of these tests says: canonical events in JSON, so that no venue's format gets in the way. */
export interface TestFrame {
  readonly sid?: number;
  readonly seq?: number;
  readonly events?: readonly WithoutReceipt<MarketEvent>[];
  readonly controls?: readonly ControlMessage[];
  readonly problems?: readonly DecodeProblem[];
  readonly tops?: readonly { readonly after: number; readonly top: StatedTop }[];
  readonly markets?: readonly { readonly instrument: string; readonly market: string }[];
}

export const encode = (frame: TestFrame): string => JSON.stringify(frame);

export function testDecoder(venue: 'kalshi' | 'polymarket'): FrameDecoder {
  return {
    venue,
    decode(frame, context): DecodedFrame {
      let parsed: TestFrame;
      try {
        parsed = JSON.parse(frameText(frame)) as TestFrame;
      } catch {
        return empty([{ reason: 'not_json', message: 'not JSON' }]);
      }
      return {
        events: (parsed.events ?? []).map((event) => received(event, context.received_at)),
        controls: [...(parsed.controls ?? [])],
        problems: [...(parsed.problems ?? [])],
        tops: [...(parsed.tops ?? [])],
        tickSizes: [],
        markets: [...(parsed.markets ?? [])],
        sid: parsed.sid ?? 0,
        seq: parsed.seq ?? 0,
      };
    },
  };
}

function received(event: WithoutReceipt<MarketEvent>, at: Micros): MarketEvent {
  const whole = { ...event, received_at: at } as MarketEvent;
  // A venue without time in its snapshots: the receive time stands in.
  if (whole.kind === 'book_snapshot' && whole.exchange_ts === null) return { ...whole, snapshot_ts: at };
  return whole;
}

function empty(problems: DecodeProblem[]): DecodedFrame {
  return { events: [], controls: [], problems, tops: [], tickSizes: [], sid: 0, seq: 0 };
}
