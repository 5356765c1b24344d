import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeedAccount } from '#src/continuity/feed-account.ts';
import { GapLedger } from '#src/continuity/gap-ledger.ts';
import type { GapEvent } from '#src/events/event.ts';
import type { Micros } from '#src/units/time.ts';

const at = (time: number): Micros => time as Micros;

function account() {
  const records: GapEvent[] = [];
  const ledger = new GapLedger({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'e1',
    emit: (gap) => records.push(gap),
  });
  const feed = new FeedAccount('trade', at(0), ledger);
  /** `[from, to)` of every gap, by begin; `to` null for one that is open. */
  const gaps = (): [number, number | null][] => {
    ledger.flush(at(1_000));
    const byId = new Map(
      records.map(({ gap_id, from, to }) => [gap_id, [from, to] as [number, number | null]]),
    );
    return [...byId.values()].filter(([from, to]) => to !== from).sort((a, b) => a[0] - b[0]);
  };
  return { feed, gaps, records };
}

describe('a feed', () => {
  it('is missing from when it is wanted until the first connection carries it, and again after the last', () => {
    const { feed, gaps } = account();
    expect(gaps()).toEqual([[0, null]]);
    feed.begin('one', 10);
    feed.begin('two', 12);
    feed.end('one', 50, 'disconnected');
    expect(gaps()).toEqual([[0, 10]]);
    feed.end('two', 60, 'disconnected');
    expect(gaps()).toEqual([
      [0, 10],
      [60, null],
    ]);
    feed.begin('three', 70);
    expect(gaps()).toEqual([
      [0, 10],
      [60, 70],
    ]);
  });

  it('was missing while one connection was gone and the other, as it turns out later, was dead', () => {
    const { feed, gaps } = account();
    feed.begin('one', 0);
    feed.begin('two', 0);
    feed.end('one', 50, 'disconnected');
    feed.begin('one again', 60);
    expect(gaps()).toEqual([]);
    feed.end('two', 30, 'stalled');
    expect(gaps()).toEqual([[50, 60]]);
    feed.end('one again', 90, 'disconnected');
    expect(gaps()).toEqual([
      [50, 60],
      [90, null],
    ]);
  });

  it('was missing where breaks of two connections overlap, whichever is found first', () => {
    const { feed, gaps } = account();
    feed.begin('one', 0);
    feed.begin('two', 0);
    feed.broke('one', 10, 40, 'sequence_gap');
    expect(gaps()).toEqual([]);
    feed.broke('two', 30, 60, 'undecodable_frame');
    expect(gaps()).toEqual([[30, 40]]);
    feed.broke('two', 70, 80, 'sequence_gap');
    expect(gaps()).toEqual([[30, 40]]);
  });

  it('has no gap by what never carried it, or does not any more', () => {
    const { feed, gaps } = account();
    feed.begin('one', 0);
    feed.broke('nobody', 5, 10, 'sequence_gap');
    feed.end('nobody', 5, 'disconnected');
    expect(gaps()).toEqual([]);
  });

  it('is missing exactly where no connection turns out to have had it, by a plain reckoning of each instant', () => {
    const END = 60;
    const change = fc.record({
      pass: fc.integer({ min: 0, max: 8 }),
      who: fc.constantFrom('one', 'two', 'three'),
      what: fc.constantFrom('begin', 'end', 'broke'),
      back: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const { feed, gaps } = account();
        const had: [number, number][] = [];
        const since = new Map<string, number>();
        let now = 0;
        for (const { pass, who, what, back } of changes) {
          now += pass;
          if (now >= END) break;
          const from = since.get(who);
          if (what === 'begin') {
            if (from !== undefined) continue;
            since.set(who, now);
            feed.begin(who, now);
          } else {
            if (from !== undefined) had.push([from, now - back]);
            if (what === 'end') {
              feed.end(who, now - back, 'disconnected');
              since.delete(who);
            } else {
              feed.broke(who, now - back, now, 'sequence_gap');
              if (from !== undefined) since.set(who, now);
            }
          }
        }
        for (const from of since.values()) had.push([from, Number.POSITIVE_INFINITY]);
        const told = gaps();
        for (let instant = 0; instant < END + 5; instant++) {
          const missing = !had.some(([from, to]) => from <= instant && instant < to);
          const said = told.some(([from, to]) => from <= instant && (to === null || instant < to));
          expect(said, `instant ${instant}`).toBe(missing);
        }
      }),
      { numRuns: 500 },
    );
  });
});
