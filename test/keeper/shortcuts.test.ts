import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeeper } from '#src/capture/keeper.ts';
import type { CaptureSink } from '#src/capture/sink.ts';
import type { Venue } from '#src/events/event.ts';
import { EVENT_ROOM, encodeLine, LineEncoder } from '#src/stream/line-encoder.ts';
import type { FrameDecoder } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { at, SECOND, START } from './line.ts';

/** What befalls a line: a frame of one of two connections, a subscription, or time. */
type Step =
  | { readonly do: 'frame'; readonly of: 0 | 1; readonly text: string }
  | { readonly do: 'bind'; readonly of: 0 | 1; readonly sid: number }
  | { readonly do: 'wait'; readonly micros: number };

interface Way {
  readonly decoder: (own: FrameDecoder) => FrameDecoder;
  readonly sink: (write: (text: string) => void) => CaptureSink;
  readonly frame: (text: string) => string | Uint8Array;
}

/** Every step by itself: texts, results that stay, lines. */
const PLAIN: Way = {
  decoder: (own) => ({ venue: own.venue, decode: (frame, context) => own.decode(frame, context) }),
  sink: (write) => ({ accept: (_lane, line) => write(encodeLine(line)) }),
  frame: (text) => text,
};

/** As a gatherer does it: bytes, results that are used again, events that are written without a line. */
const SHORT: Way = {
  decoder: (own) => own,
  sink: (write) => {
    const encoder = new LineEncoder();
    const buffer = Buffer.alloc(EVENT_ROOM);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    return {
      accept: (_lane, line) => write(encodeLine(line)),
      take: (event, origin) => {
        const end = encoder.writeEvent(view, 0, event, origin);
        if (end >= 0) write(buffer.toString('latin1', 0, end));
        return end >= 0;
      },
    };
  },
  frame: (text) => new TextEncoder().encode(text),
};

/** All that a line writes and answers on the way. */
function story(venue: Venue, instruments: readonly string[], steps: readonly Step[], way: Way): string[] {
  const told: string[] = [];
  let now = START;
  const keeper = createKeeper({
    venue,
    gatherer: 'a',
    epoch: 'e1',
    clock: () => at(now),
    decoder: way.decoder(venueDefinition(venue).decoder()),
    sink: way.sink((text) =>
      told.push(JSON.stringify(JSON.parse(text), Object.keys(JSON.parse(text)).sort())),
    ),
    snapshotInterval: 15 * SECOND,
    snapshotDepth: 2,
    anchorInterval: 30 * SECOND,
  });
  const connections = [0, 1].map((number) => ({ venue, name: `c-${number}#1`, useYesPrice: true }));
  keeper.expect(instruments, at(now));
  for (const step of steps) {
    now += 1_000;
    if (step.do === 'wait') {
      now += step.micros;
      keeper.tick(at(now));
    } else if (step.do === 'bind') keeper.bind(connections[step.of]!, step.sid, instruments);
    else told.push(JSON.stringify(keeper.frame(connections[step.of]!, way.frame(step.text), at(now))));
  }
  told.push(JSON.stringify(keeper.counters));
  for (const instrument of instruments) told.push(JSON.stringify(keeper.view(instrument)));
  return told;
}

function expectSame(venue: Venue, instruments: readonly string[], steps: readonly Step[]): readonly string[] {
  const short = story(venue, instruments, steps, SHORT);
  expect(short).toEqual(story(venue, instruments, steps, PLAIN));
  return short;
}

const wait = fc.record({ do: fc.constant('wait' as const), micros: fc.constantFrom(0, 300_000, 2_000_000) });
const of = fc.constantFrom(0 as const, 1 as const);
const cents = fc.integer({ min: 1, max: 99 }).map((value) => (value / 100).toFixed(2));
const size = fc.constantFrom('0', '5', '7.25', '100.5');

describe('a line that takes bytes, and uses results again, and hands events over without lines', () => {
  it('writes and answers what it does without, for Polymarket', () => {
    const tokens = ['1', '2', '3'].map((digit) => `${digit.repeat(60)}${digit}5`);
    const token = fc.constantFrom(...tokens, '9'.repeat(70), 'é-77777777777777777', '77');
    const millis = fc.nat(60).map((value) => String(START / 1_000 + value));
    const hash = fc.constantFrom('0xab', 'a'.repeat(40), 'b'.repeat(40));
    const entry = fc.record({
      asset_id: token,
      price: cents,
      size,
      side: fc.constantFrom('BUY', 'SELL', 'BUY', 'SELL', 'HOLD'),
      hash,
      best_bid: cents,
      best_ask: cents,
    });
    const changes = fc.record({
      market: fc.constant('0x1'),
      price_changes: fc.array(entry, { minLength: 1, maxLength: 3 }),
      timestamp: millis,
      event_type: fc.constant('price_change'),
    });
    const levels = fc.uniqueArray(fc.record({ price: cents, size }), {
      maxLength: 4,
      selector: (l) => l.price,
    });
    const book = fc.record({
      market: fc.constant('0x1'),
      asset_id: token,
      timestamp: millis,
      hash,
      bids: levels,
      asks: levels,
      event_type: fc.constant('book'),
    });
    const trade = fc.record({
      market: fc.constant('0x1'),
      asset_id: token,
      price: cents,
      size,
      side: fc.constantFrom('BUY', 'SELL'),
      timestamp: millis,
      event_type: fc.constant('last_trade_price'),
      transaction_hash: hash,
    });
    const message = fc.oneof({ weight: 6, arbitrary: changes }, { weight: 3, arbitrary: book }, trade);
    const text = fc.oneof(
      { weight: 12, arbitrary: message.map((value) => JSON.stringify(value)) },
      fc.constantFrom('PONG', '', '{', '[]', '"é"'),
    );
    const frame = fc.record({ do: fc.constant('frame' as const), of, text });
    const bind = fc.record({ do: fc.constant('bind' as const), of, sid: fc.constant(0) });
    const step = fc.oneof({ weight: 12, arbitrary: frame }, wait, bind);
    let written = 0;
    const steps = fc.array(step, { minLength: 10, maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.nat(), (some, again) => {
        const begin: Step = { do: 'bind', of: 0, sid: 0 };
        // A frame that comes again is told by its bytes as by its text.
        const repeated = some.flatMap((one, index) => (index % 5 === again % 5 ? [one, one] : [one]));
        written += expectSame('polymarket', tokens, [begin, ...repeated]).length;
      }),
      { numRuns: 40 },
    );
    expect(written).toBeGreaterThan(1_000);
  });

  it('writes and answers what it does without, for Kalshi', () => {
    const tickers = ['KXONE-26DEC21-T15.5', 'KXTWO-26DEC21-T1', 'KX-3'];
    const ticker = fc.constantFrom(...tickers, 'KXNONE-26DEC21-T15.5');
    const time = fc.nat(60).map((value) => START / 1_000 + value);
    const id = fc.constantFrom(
      'd23514bf-efca-46c0-8736-2abe31ffbb0c',
      'e23514bf-efca-46c0-8736-2abe31ffbb0c',
    );
    const change = fc.record({
      market_ticker: ticker,
      market_id: id,
      price_dollars: cents,
      delta_fp: fc.constantFrom('5.00', '-5.00', '7.25', '100.00'),
      side: fc.constantFrom('yes', 'no', 'yes', 'no', 'maybe'),
      ts_ms: time,
    });
    const top = fc.record({
      market_ticker: ticker,
      price_dollars: cents,
      yes_bid_dollars: cents,
      yes_ask_dollars: cents,
      yes_bid_size_fp: fc.constant('5.00'),
      yes_ask_size_fp: fc.constant('6.00'),
      volume_fp: fc.constant('7.00'),
      open_interest_fp: fc.constantFrom('8.00', '9.00'),
      ts_ms: time,
    });
    const fill = fc.record({
      trade_id: id,
      market_ticker: ticker,
      yes_price_dollars: fc.constant('0.5300'),
      no_price_dollars: fc.constant('0.4700'),
      count_fp: fc.constant('9.28'),
      taker_side: fc.constant('no'),
      taker_outcome_side: fc.constant('no'),
      taker_book_side: fc.constant('ask'),
      is_block_trade: fc.boolean(),
      ts_ms: time,
    });
    const levels = fc.uniqueArray(fc.tuple(cents, fc.constant('50.00')), {
      maxLength: 4,
      selector: ([p]) => p,
    });
    const snapshot = fc.record({ market_ticker: ticker, yes_dollars_fp: levels, no_dollars_fp: levels });
    const message = fc.oneof(
      { weight: 6, arbitrary: change.map((msg) => ({ type: 'orderbook_delta', sid: 1, msg })) },
      { weight: 3, arbitrary: snapshot.map((msg) => ({ type: 'orderbook_snapshot', sid: 1, msg })) },
      { weight: 2, arbitrary: top.map((msg) => ({ type: 'ticker', sid: 2, msg })) },
      { weight: 2, arbitrary: fill.map((msg) => ({ type: 'trade', sid: 3, msg })) },
    );
    const step = fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({ do: fc.constant('say' as const), of, message, skip: fc.nat(30) }),
      },
      wait,
      fc.record({ do: fc.constant('bind' as const), of, sid: fc.constant(1) }),
    );
    let written = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (some) => {
        const numbers = [0, 0];
        const steps = some.map((one): Step => {
          if (one.do !== 'say') return one;
          const { type, sid, msg } = one.message;
          if (type === 'ticker') return { do: 'frame', of: one.of, text: JSON.stringify({ type, sid, msg }) };
          // Now and then a number is left out, or comes again.
          const by = one.skip === 0 ? 2 : one.skip === 1 ? 0 : 1;
          numbers[one.of]! += by;
          const seq = Math.max(numbers[one.of]!, 1);
          return { do: 'frame', of: one.of, text: JSON.stringify({ type, sid, seq, msg }) };
        });
        written += expectSame('kalshi', tickers, [{ do: 'bind', of: 0, sid: 1 }, ...steps]).length;
      }),
      { numRuns: 40 },
    );
    expect(written).toBeGreaterThan(1_000);
  });

  it('writes and answers what it does without, over a recorded session', () => {
    const lines = readFileSync(new URL('../fixtures/keeper/kalshi-deltas.jsonl', import.meta.url), 'utf8');
    const frames = lines
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly frame: string }).frame);
    const tickers = [...new Set(frames.map((frame) => /"market_ticker":"([^"]+)"/.exec(frame)![1]!))];
    const steps = frames.map((text): Step => ({ do: 'frame', of: 0, text }));
    const told = expectSame('kalshi', tickers, [{ do: 'bind', of: 0, sid: 1 }, ...steps]);
    expect(told.filter((text) => text.includes('"kind":"book_delta"')).length).toBeGreaterThan(100);
  });
});
