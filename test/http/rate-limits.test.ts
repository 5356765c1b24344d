import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyLimit } from '#src/http/rate-limit.ts';
import { SlidingWindow } from '#src/http/sliding-window.ts';
import { TokenBucket } from '#src/http/token-bucket.ts';
import { VirtualTime } from './virtual-time.ts';

describe('a token bucket', () => {
  it('lets its capacity through at once and the rest at its rate', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 10, capacity: 20 }, time.clock, time.sleep);
    const begun = time.clock();
    const at: number[] = [];
    const all = [1, 2, 3, 4].map(() => bucket.acquire(10).then(() => at.push((time.clock() - begun) / 1000)));
    await time.advance(5_000);
    await Promise.all(all);
    expect(at).toEqual([0, 0, 1_000, 2_000]);
  });

  it('serves in the order of the calls, a cheap request never overtaking a dear one', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 10, capacity: 10 }, time.clock, time.sleep);
    const order: string[] = [];
    await bucket.acquire(10);
    const all = [
      bucket.acquire(10).then(() => order.push('dear')),
      bucket.acquire(1).then(() => order.push('cheap')),
    ];
    await time.advance(500);
    all.push(bucket.acquire(1).then(() => order.push('cheap and late')));
    await time.advance(100);
    expect(order).toEqual([]);
    await time.advance(5_000);
    await Promise.all(all);
    expect(order).toEqual(['dear', 'cheap', 'cheap and late']);
  });

  it('follows a new rate while requests wait', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 0.01, capacity: 10 }, time.clock, time.sleep);
    await bucket.acquire(10);
    let through = false;
    const waiting = bucket.acquire(10).then(() => {
      through = true;
    });
    await time.advance(1_000);
    expect(through).toBe(false);
    bucket.reconfigure({ refillPerSecond: 100, capacity: 100 });
    await time.advance(100);
    expect(through).toBe(true);
    await waiting;
    expect(bucket.settings).toEqual({ refillPerSecond: 100, capacity: 100 });
  });

  it('serves a cost above its capacity from a full bucket, and has the next pay for it', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 10, capacity: 10 }, time.clock, time.sleep);
    await bucket.acquire(30);
    let through = false;
    const waiting = bucket.acquire(10).then(() => {
      through = true;
    });
    await time.advance(2_900);
    expect(through).toBe(false);
    await time.advance(200);
    expect(through).toBe(true);
    await waiting;
  });

  it('stays shut after a refusal for as long as it says', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 1_000, capacity: 1_000 }, time.clock, time.sleep);
    bucket.refused(3_000);
    let through = false;
    const waiting = bucket.acquire(1).then(() => {
      through = true;
    });
    await time.advance(2_900);
    expect(through).toBe(false);
    await time.advance(200);
    expect(through).toBe(true);
    await waiting;
  });

  it('lets the next go when the first in the queue gives up', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 1, capacity: 100 }, time.clock, time.sleep);
    await bucket.acquire(100);
    const stop = new AbortController();
    const dear = bucket.acquire(100, stop.signal);
    let through = false;
    const cheap = bucket.acquire(1).then(() => {
      through = true;
    });
    await time.advance(2_000);
    expect(through).toBe(false);
    stop.abort(new Error('given up'));
    await expect(dear).rejects.toThrow('given up');
    await time.advance(1);
    expect(through).toBe(true);
    await cheap;
  });

  it('gives nothing for a wall clock that is set back', async () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ refillPerSecond: 10, capacity: 10 }, time.clock, time.sleep);
    await bucket.acquire(10);
    time.step(-3_600_000);
    let through = false;
    const waiting = bucket.acquire(10).then(() => {
      through = true;
    });
    await time.advance(900);
    expect(through).toBe(false);
    await time.advance(200);
    expect(through).toBe(true);
    await waiting;
  });

  it('refuses a rate or capacity of zero', () => {
    const time = new VirtualTime();
    expect(() => new TokenBucket({ refillPerSecond: 0, capacity: 1 }, time.clock, time.sleep)).toThrow(
      RangeError,
    );
  });

  it('never grants more in any interval than capacity and refill allow', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ cost: fc.integer({ min: 1, max: 20 }), gap: fc.integer({ min: 0, max: 700 }) }),
          {
            minLength: 1,
            maxLength: 25,
          },
        ),
        async (requests) => {
          const time = new VirtualTime();
          const bucket = new TokenBucket({ refillPerSecond: 20, capacity: 20 }, time.clock, time.sleep);
          const grants: { at: number; cost: number }[] = [];
          const all: Promise<unknown>[] = [];
          for (const { cost, gap } of requests) {
            all.push(bucket.acquire(cost).then(() => grants.push({ at: time.clock(), cost })));
            await time.advance(gap);
          }
          await time.advance(60_000);
          await Promise.all(all);
          for (let from = 0; from < grants.length; from++) {
            let sum = 0;
            for (let to = from; to < grants.length; to++) {
              sum += grants[to]!.cost;
              const seconds = (grants[to]!.at - grants[from]!.at) / 1e6;
              expect(sum).toBeLessThanOrEqual(20 + 20 * seconds + 1e-3);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('a sliding window', () => {
  it('never lets more than its limit through in any window', async () => {
    const time = new VirtualTime();
    const window = new SlidingWindow({ limit: 3, windowMillis: 1_000 }, time.clock, time.sleep);
    const begun = time.clock();
    const at: number[] = [];
    const all: Promise<unknown>[] = [];
    for (let request = 0; request < 8; request++) {
      all.push(window.acquire(1).then(() => at.push((time.clock() - begun) / 1000)));
      await time.advance(100);
    }
    await time.advance(10_000);
    await Promise.all(all);
    expect(at).toEqual([0, 100, 200, 1_000, 1_100, 1_200, 2_000, 2_100]);
  });

  it('is kept together with that of the whole host', async () => {
    const time = new VirtualTime();
    const endpoint = new SlidingWindow({ limit: 10, windowMillis: 1_000 }, time.clock, time.sleep);
    const host = new SlidingWindow({ limit: 2, windowMillis: 1_000 }, time.clock, time.sleep);
    const both = everyLimit([endpoint, host]);
    let through = 0;
    const all = [1, 2, 3].map(() => both.acquire(1).then(() => through++));
    await time.advance(500);
    expect(through).toBe(2);
    await time.advance(600);
    expect(through).toBe(3);
    await Promise.all(all);
  });
});
