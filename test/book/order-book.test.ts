import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderBook, SetOutcome } from '#src/book/order-book.ts';
import type { Level, Side } from '#src/events/event.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';

const price = (value: number) => value as Price;
const size = (value: number) => value as Size;

/** The plainest book there is: a Map per side, everything else computed from it when asked. */
class Reference {
  readonly sides = { bid: new Map<number, number>(), ask: new Map<number, number>() };

  put(side: Side, at: number, amount: number): void {
    if (amount > 0) this.sides[side].set(at, amount);
    else this.sides[side].delete(at);
  }

  levels(side: Side): Level[] {
    const direction = side === 'bid' ? -1 : 1;
    return [...this.sides[side]]
      .sort((a, b) => direction * (a[0] - b[0]))
      .map(([at, amount]) => [price(at), size(amount)]);
  }
}

const sides = fc.constantFrom<Side>('bid', 'ask');
/** On the grid mostly, off it sometimes, beyond 0..1 and beyond 31 bits now and then. */
const prices = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 100 }).map((tick) => tick * 10_000) },
  { weight: 2, arbitrary: fc.integer({ min: -5, max: 1_000_005 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }) },
);
const sizes = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 50 }));
const levelLists = fc
  .uniqueArray(fc.tuple(prices, sizes), { selector: ([at]) => at, maxLength: 40 })
  .map((levels) => levels.map(([at, amount]): Level => [price(at), size(amount)]));

type Step =
  | { readonly do: 'set'; readonly side: Side; readonly price: number; readonly size: number }
  | { readonly do: 'change'; readonly side: Side; readonly price: number; readonly change: number }
  | { readonly do: 'replace'; readonly bids: Level[]; readonly asks: Level[] };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ do: fc.constant('set' as const), side: sides, price: prices, size: sizes }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('change' as const),
        side: sides,
        price: prices,
        change: fc.integer({ min: -6, max: 6 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('replace' as const), bids: levelLists, asks: levelLists }),
    },
  ),
  { maxLength: 300 },
);

function expectSame(book: OrderBook, reference: Reference): void {
  for (const side of ['bid', 'ask'] as const) {
    const levels = reference.levels(side);
    expect(book.levels(side)).toEqual(levels);
    expect(book.levels(side, 3)).toEqual(levels.slice(0, 3));
    expect(book.count(side)).toBe(levels.length);
  }
  const bid = reference.levels('bid')[0];
  const ask = reference.levels('ask')[0];
  expect(book.bestBid).toBe(bid === undefined ? null : bid[0]);
  expect(book.bestBidSize).toBe(bid === undefined ? null : bid[1]);
  expect(book.bestAsk).toBe(ask === undefined ? null : ask[0]);
  expect(book.bestAskSize).toBe(ask === undefined ? null : ask[1]);
  expect(book.crossed).toBe(bid !== undefined && ask !== undefined && bid[0] >= ask[0]);
  expect(book.equals(reference.levels('bid'), reference.levels('ask'))).toBe(true);
}

describe('an order book', () => {
  it('equals a plain map after any sequence of sets, signed changes and replacements', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const book = new OrderBook();
        const reference = new Reference();
        let time = 0;
        for (const step of sequence) {
          time++;
          if (step.do === 'set') {
            expect(book.set(step.side, price(step.price), size(step.size), time)).toBe(SetOutcome.applied);
            reference.put(step.side, step.price, step.size);
          } else if (step.do === 'change') {
            const before = reference.sides[step.side].get(step.price) ?? 0;
            const result = book.change(step.side, price(step.price), size(step.change), time);
            expect(result).toBe(before + step.change);
            reference.put(step.side, step.price, before + step.change);
          } else {
            book.replace(step.bids, step.asks, time);
            reference.sides.bid.clear();
            reference.sides.ask.clear();
            for (const [at, amount] of step.bids) reference.put('bid', at, amount);
            for (const [at, amount] of step.asks) reference.put('ask', at, amount);
          }
          const side = step.do === 'replace' ? 'bid' : step.side;
          expect(side === 'bid' ? book.bestBid : book.bestAsk).toBe(reference.levels(side)[0]?.[0] ?? null);
        }
        expectSame(book, reference);
      }),
      { numRuns: 400 },
    );
  });

  it('keeps its order through thousands of changes that clear out emptied levels again and again', () => {
    const book = new OrderBook();
    const reference = new Reference();
    let state = 12345;
    const random = (bound: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % bound;
    };
    for (let time = 1; time <= 30_000; time++) {
      const side: Side = random(2) === 0 ? 'bid' : 'ask';
      const at = random(900) * 1_000 + (random(50) === 0 ? 500 : 0);
      const amount = random(4) > 1 ? 0 : 1 + random(1_000_000) * 10_000;
      book.set(side, price(at), size(amount), time);
      reference.put(side, at, amount);
      if (time % 1_000 === 0) expectSame(book, reference);
    }
  });

  it('ignores an absolute size that is older than what it knows of the level, also of a removed one', () => {
    const book = new OrderBook();
    book.set('bid', price(400_000), size(5), 10);
    book.set('bid', price(400_000), size(0), 20);
    expect(book.set('bid', price(400_000), size(5), 10)).toBe(SetOutcome.stale);
    expect(book.bestBid).toBe(null);
    expect(book.set('bid', price(410_000), size(7), 15)).toBe(SetOutcome.applied);
    expect(book.bestBid).toBe(410_000);
    expect(book.lastTime).toBe(20);
  });

  it('remembers the removal of a level that it did not have', () => {
    const book = new OrderBook();
    book.set('ask', price(600_000), size(0), 20);
    expect(book.count('ask')).toBe(0);
    expect(book.set('ask', price(600_000), size(9), 10)).toBe(SetOutcome.stale);
  });

  it('takes nothing older than the snapshot that replaced it', () => {
    const book = new OrderBook();
    book.replace([[price(400_000), size(5)]], [], 100);
    expect(book.set('bid', price(410_000), size(5), 99)).toBe(SetOutcome.stale);
    expect(book.set('bid', price(400_000), size(6), 99)).toBe(SetOutcome.stale);
    expect(book.set('bid', price(410_000), size(5), 100)).toBe(SetOutcome.applied);
  });

  it('says that it cannot judge an old size once it has forgotten removals later than it', () => {
    const book = new OrderBook();
    for (let tick = 1; tick <= 40; tick++) {
      book.set('bid', price(tick * 10_000), size(1), 100 + tick);
      book.set('bid', price(tick * 10_000), size(0), 200 + tick);
    }
    expect(book.set('bid', price(10_000), size(3), 150)).toBe(SetOutcome.undecidable);
    expect(book.count('bid')).toBe(0);
    expect(book.set('bid', price(10_000), size(3), 300)).toBe(SetOutcome.applied);
  });

  it('reports a size below zero and keeps the level empty', () => {
    const book = new OrderBook();
    expect(book.change('bid', price(400_000), size(5), 1)).toBe(5);
    expect(book.change('bid', price(400_000), size(-7), 2)).toBe(-2);
    expect(book.change('ask', price(400_000), size(-7), 2)).toBe(-7);
    expect(book.count('bid') + book.count('ask')).toBe(0);
  });

  it('gives mid, spread, depth, near depth, level counts and the crossed state', () => {
    const book = new OrderBook();
    book.replace(
      [
        [price(400_000), size(10)],
        [price(350_000), size(20)],
        [price(349_999), size(40)],
      ],
      [[price(430_000), size(7)]],
      1,
    );
    expect(book.metrics()).toEqual({
      bid: 400_000,
      ask: 430_000,
      mid_twice: 830_000,
      spread: 30_000,
      bid_depth: 70,
      ask_depth: 7,
      bid_depth_near: 30,
      ask_depth_near: 7,
      bid_levels: 3,
      ask_levels: 1,
      crossed: false,
    });
    book.set('ask', price(400_000), size(1), 2);
    expect(book.metrics().crossed).toBe(true);
    expect(new OrderBook().metrics()).toMatchObject({
      bid: null,
      mid_twice: null,
      spread: null,
      crossed: false,
    });
  });

  it('notices every difference when it is compared with levels', () => {
    const book = new OrderBook();
    const bids: Level[] = [
      [price(400_000), size(10)],
      [price(390_000), size(5)],
    ];
    book.replace(bids, [], 1);
    expect(book.equals([...bids].reverse(), [])).toBe(true);
    expect(book.equals(bids.slice(1), [])).toBe(false);
    expect(book.equals([...bids, [price(380_000), size(1)]], [])).toBe(false);
    expect(book.equals([bids[0]!, [price(390_000), size(6)]], [])).toBe(false);
    expect(book.equals(bids, [[price(500_000), size(1)]])).toBe(false);
  });

  it('accepts a snapshot whose levels come worst first or mixed', () => {
    const book = new OrderBook();
    const bids: Level[] = [3, 1, 2].map((tick) => [price(tick * 10_000), size(tick)]);
    book.replace(bids, [...bids].reverse(), 1);
    expect(book.levels('bid').map(([at]) => at)).toEqual([30_000, 20_000, 10_000]);
    expect(book.levels('ask').map(([at]) => at)).toEqual([10_000, 20_000, 30_000]);
  });
});
