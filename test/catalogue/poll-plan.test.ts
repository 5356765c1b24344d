import { describe, expect, it } from 'vitest';
import type { OpenMarket } from '#src/catalogue/open-markets.ts';
import type { PollRecord } from '#src/catalogue/poll-ledger.ts';
import { planPoll } from '#src/catalogue/poll-plan.ts';

const HOUR = 3_600_000;
const NOW = 1_795_187_045_000;
const rules = { nowMillis: NOW, chunkSize: 2, maxChunks: 10, abandonedAfterMillis: HOUR };
const market = (name: string, activity = 0): OpenMarket => ({
  venue: 'kalshi',
  market: name,
  instruments: [name],
  activity,
});
const polled = (id: string, hoursAgo: number | null, ...instruments: string[]): PollRecord => ({
  venue: 'kalshi',
  id,
  instruments,
  plannedMillis: NOW - (hoursAgo ?? 0) * HOUR,
  polledMillis: hoursAgo === null ? null : NOW - hoursAgo * HOUR,
  answered: instruments.length,
});

describe('a poll plan', () => {
  it('begins with what was never polled, then the most stale, then by name', () => {
    const plan = planPoll(
      [market('fresh'), market('stale'), market('new b'), market('new a')],
      [polled('1', 1, 'fresh'), polled('2', 9, 'stale')],
      rules,
    );
    expect(plan.chunks).toEqual([
      ['new a', 'new b'],
      ['stale', 'fresh'],
    ]);
    expect(plan).toMatchObject({ open: 4, oldestMillis: null });
  });

  it('lets busy markets come round more often, and quiet ones still come round', () => {
    const records = [polled('1', 2, 'busy'), polled('2', 3, 'quiet'), polled('3', 50, 'forgotten')];
    const plan = planPoll([market('busy', 12), market('quiet'), market('forgotten')], records, rules);
    expect(plan.chunks.flat()).toEqual(['forgotten', 'busy', 'quiet']);
    expect(plan.oldestMillis).toBe(50 * HOUR);
  });

  it('plans no more requests than the budget allows, and comes to all others in later runs', () => {
    const markets = Array.from({ length: 9 }, (_, index) => market(`K${index}`));
    const records: PollRecord[] = [];
    const seen = new Set<string>();
    for (let run = 0; run < 3; run++) {
      const plan = planPoll(markets, records, { ...rules, nowMillis: NOW + run * 1_000, maxChunks: 2 });
      expect(plan.chunks).toHaveLength(2);
      plan.chunks.forEach((instruments, index) => {
        for (const instrument of instruments) seen.add(instrument);
        records.push({ ...polled(`${run}#${index}`, 0, ...instruments), polledMillis: NOW + run * 1_000 });
      });
    }
    expect(seen.size).toBe(9);
  });

  it('keeps a record while it is the latest word on an open instrument, or may still be polled', () => {
    const plan = planPoll(
      [market('a'), market('b')],
      [
        polled('superseded', 5, 'a'),
        polled('latest of a', 4, 'a', 'closed'),
        polled('latest of b', 3, 'b'),
        polled('only closed', 3, 'closed'),
        { ...polled('running', null, 'a'), plannedMillis: NOW - 1_000 },
        { ...polled('abandoned', null, 'a'), plannedMillis: NOW - 2 * HOUR },
      ],
      rules,
    );
    expect([...plan.obsolete].sort()).toEqual(['abandoned', 'only closed', 'superseded']);
  });

  it('of nothing is empty', () => {
    expect(planPoll([], [], rules)).toEqual({ chunks: [], obsolete: [], open: 0, oldestMillis: null });
  });
});
