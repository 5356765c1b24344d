import { describe, expect, it } from 'vitest';
import type { Life } from '#src/connections/life.ts';
import { SharedAnnouncements } from '#src/connections/shared-announcements.ts';
import { Silences } from '#src/connections/silence.ts';
import type { Micros } from '#src/units/time.ts';
import { FakeKeeper } from './fake-keeper.ts';

const SECOND = 1_000_000;
const at = (seconds: number) => (1_700_000_000_000_000 + seconds * SECOND) as Micros;
/** As much of a life as is looked at: `interruptedAt`, and a watch that finds every silence suspicious. */
const life = (interruptedAt: Micros | null = null) =>
  ({ place: { purpose: 'book' }, interruptedAt, watch: { isSuspicious: () => true } }) as unknown as Life;

describe('a silence that was judged', () => {
  const silences = new Silences({
    keeper: new FakeKeeper(),
    unheardAfter: 15 * SECOND,
    isNumbered: () => false,
    lives: () => [],
  });

  it('is not judged again for five seconds, and is after that', () => {
    expect(silences.isLost(life(), at(0))).toBe(true);
    expect(silences.isLost(life(at(0)), at(5))).toBe(false);
    expect(silences.isLost(life(at(0)), at(6))).toBe(true);
    // Read late: the silence ended before it was found.
    expect(silences.isLost(life(at(0)), at(-3), at(0))).toBe(false);
  });

  it('does not count as judged lately where the clock was set back since', () => {
    expect(silences.isLost(life(at(3_600)), at(6))).toBe(true);
  });
});

describe('what the venue is taken to do with announcements', () => {
  /** So many announcements from one to another, a second apart. */
  function told(copies: number) {
    const announcements = new SharedAnnouncements();
    const [one, two] = [life(), life()];
    let now = 0;
    const tell = (to: Life, beside: readonly Life[] = []) => {
      announcements.first(one, [one, two, ...beside], at(now));
      announcements.heard(to, at(now));
      announcements.copy(to);
      now++;
    };
    for (let copy = 0; copy <= copies; copy++) tell(two);
    return { announcements, one, two, tell, time: () => now };
  }

  it('may change, however long it did otherwise', () => {
    const { announcements, one, two, time } = told(3_000);
    let found = 0;
    for (let round = 0; round < 60; round++) {
      const begun = time() + round * 20;
      announcements.first(one, [one, two], at(begun));
      if (announcements.isSilent(two, at(begun + 11))) found++;
      announcements.heard(two, at(begun + 11));
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThanOrEqual(20);
  });

  it('is not told by connections that ended before they could bring their copy', () => {
    const { announcements, one, two, tell, time } = told(25);
    for (let round = 0; round < 20; round++) {
      const short = Array.from({ length: 10 }, () => life());
      for (const one of short) announcements.copy(one);
      tell(two, short);
      for (const one of short) announcements.ended(one, at(time()));
    }
    announcements.first(one, [one, two], at(time()));
    expect(announcements.isSilent(two, at(time() + 11))).toBe(true);
  });
});
