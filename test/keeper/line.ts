import { createKeeper } from '#src/capture/keeper.ts';
import type { ConnectionEpoch, FrameOutcome } from '#src/capture/line.ts';
import type { StreamLine } from '#src/events/captured.ts';
import type { Level, MarketEvent, Side, Venue } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import type { BookProofs } from '#src/venues/book-proofs.ts';
import type { FrameDecoder } from '#src/venues/decoder.ts';
import { encode, type TestFrame, testDecoder } from './test-decoder.ts';

export const START = 1_700_000_000_000_000;
export const SECOND = 1_000_000;

export const at = (time: number) => time as Micros;
export const levels = (...pairs: [cents: number, contracts: number][]) =>
  pairs.map(([cents, contracts]): Level => [(cents * 10_000) as Price, (contracts * 1_000_000) as Size]);

/** A keeper with what it writes, fed by frames of the test decoder; time moves only when it is told to. */
export class TestLine {
  now = START;
  readonly lines: StreamLine[] = [];
  readonly keeper: ReturnType<typeof createKeeper>;
  private readonly venue: Venue;

  constructor(venue: Venue, decoder: FrameDecoder = testDecoder(venue), proofs?: BookProofs) {
    this.venue = venue;
    this.keeper = createKeeper({
      venue,
      gatherer: 'a',
      epoch: 'e1',
      clock: () => at(this.now),
      decoder,
      ...(proofs === undefined ? {} : { proofs }),
      sink: { accept: (_lane, written) => void this.lines.push(written) },
      snapshotInterval: 15 * SECOND,
      snapshotDepth: 2,
      anchorInterval: 30 * SECOND,
    });
  }

  connection(name: string): ConnectionEpoch {
    return { venue: this.venue, name, useYesPrice: true };
  }

  /** A frame, 1 ms after the one before. */
  frame(connection: ConnectionEpoch, frame: TestFrame | string): FrameOutcome {
    this.now += 1_000;
    return this.keeper.frame(connection, typeof frame === 'string' ? frame : encode(frame), at(this.now));
  }

  /** Lets time pass with ticks every 100 ms. */
  pass(seconds: number): void {
    for (const end = this.now + seconds * SECOND; this.now < end; ) {
      this.now += SECOND / 10;
      this.keeper.tick(at(this.now));
    }
  }

  of<K extends StreamLine['kind']>(kind: K): Extract<StreamLine, { kind: K }>[] {
    return this.lines.filter((written): written is Extract<StreamLine, { kind: K }> => written.kind === kind);
  }

  anchors() {
    return this.of('book_snapshot').filter(({ source, depth }) => source === 'engine' && depth === undefined);
  }

  /** `instrument cause` of every gap that is still open. */
  openGaps(): string[] {
    const open = new Map<string, string>();
    for (const gap of this.of('gap')) {
      for (const instrument of gap.instruments ?? ['*']) {
        const key = `${gap.gap_id} ${instrument}`;
        if (gap.to === null) open.set(key, `${instrument} ${gap.cause}`);
        else open.delete(key);
      }
    }
    return [...open.values()].sort();
  }
}

type Frameless<E> = E extends MarketEvent ? Omit<E, 'received_at'> : never;
export type TestEvent = Frameless<MarketEvent>;

export const signed = (
  instrument: string,
  time: number,
  side: Side,
  cents: number,
  contracts: number,
): TestEvent => ({
  kind: 'book_delta',
  venue: 'kalshi',
  instrument,
  side,
  price: (cents * 10_000) as Price,
  change: (contracts * 1_000_000) as Size,
  exchange_ts: at(time),
});

export const absolute = (
  instrument: string,
  time: number,
  side: Side,
  cents: number,
  contracts: number,
  hash = `${time}${side}${cents}${contracts}`,
): TestEvent => ({
  kind: 'book_delta',
  venue: 'polymarket',
  instrument,
  side,
  price: (cents * 10_000) as Price,
  size: (contracts * 1_000_000) as Size,
  exchange_ts: at(time),
  hash,
});

export const book = (
  venue: Venue,
  instrument: string,
  bids: Level[],
  asks: Level[],
  time: number | null = null,
): TestEvent => ({
  kind: 'book_snapshot',
  venue,
  instrument,
  source: 'ws',
  bids,
  asks,
  snapshot_ts: at(time ?? 0),
  exchange_ts: time === null ? null : at(time),
});

export const top = (instrument: string, bid: number | null, ask: number | null) => ({
  instrument,
  bid: (bid === null ? null : bid * 10_000) as Price | null,
  ask: (ask === null ? null : ask * 10_000) as Price | null,
});
