import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gatherer } from '#src/events/event.ts';
import { type Announcement, type AnnouncementCopy, placeAnnouncements } from '#src/tape/announcements.ts';
import type { Micros } from '#src/units/time.ts';

const WINDOW = 10;
const LATENESS = 100;
const SPANS = { window: WINDOW, lateness: LATENESS };
const lines = ['a', 'b', 'c'] as const;

/** Places copies part by part, as merges come upon them, and gives what the tape has in the end. */
function placed(parts: readonly (readonly AnnouncementCopy[])[]): Announcement[] {
  let known: Announcement[] = [];
  for (const part of parts) {
    known = placeAnnouncements(known, part, SPANS).map(({ placedAt, received, isLate = false }) => ({
      at: placedAt,
      received,
      isLate,
    }));
  }
  return known;
}
const shown = (known: readonly Announcement[]): unknown[] =>
  known
    .map(({ at, received }) => [at, Object.fromEntries([...received].sort())])
    .sort((left, right) => Number(left[0]) - Number(right[0]));
const copy = (line: Gatherer, receivedAt: number): AnnouncementCopy => ({
  line,
  receivedAt: receivedAt as Micros,
});
const parts = (copies: fc.Arbitrary<AnnouncementCopy[]>): fc.Arbitrary<AnnouncementCopy[][]> =>
  fc
    .tuple(copies, fc.array(fc.nat(3), { minLength: 60, maxLength: 60 }))
    .map(([all, places]) => [0, 1, 2, 3].map((place) => all.filter((_, index) => places[index] === place)));

describe('announcements without a venue time', () => {
  const any = fc.uniqueArray(
    fc
      .record({ line: fc.constantFrom(...lines), receivedAt: fc.nat(60) })
      .map(({ line, receivedAt }) => copy(line, receivedAt)),
    { selector: ({ line, receivedAt }) => `${line}${receivedAt}`, maxLength: 40 },
  );

  it('keep every copy once, no two of one line together, none far apart, each at a time of its own', () => {
    fc.assert(
      fc.property(parts(any), (script) => {
        const known = placed(script);
        const copies = known.flatMap(({ received }) => [...received].map(([line, time]) => `${line}${time}`));
        expect(copies.sort()).toEqual(
          script
            .flat()
            .map(({ line, receivedAt }) => `${line}${receivedAt}`)
            .sort(),
        );
        expect(new Set(known.map(({ at }) => at)).size).toBe(known.length);
        for (const { received } of known) {
          expect(Math.max(...received.values()) - Math.min(...received.values())).toBeLessThanOrEqual(WINDOW);
        }
        expect(shown(placed([...script, script.flat()]))).toEqual(shown(known));
      }),
    );
  });

  it('are one row each when they lie apart, whichever lines missed them and whatever came first', () => {
    const apart = fc
      .array(
        fc.subarray(
          lines.flatMap((line) => [0, 3].map((late) => ({ line, late }))),
          { minLength: 1 },
        ),
        {
          maxLength: 8,
        },
      )
      .map((all) =>
        all.flatMap((seen, index) =>
          [...new Map(seen.map(({ line, late }) => [line, late]))].map(([line, late]) =>
            copy(line, index * 14 + late),
          ),
        ),
      );
    fc.assert(
      fc.property(parts(apart), (script) => {
        const times = Map.groupBy(script.flat(), ({ receivedAt }) => Math.floor(receivedAt / 14));
        expect(placed(script)).toHaveLength(times.size);
      }),
    );
  });

  it('take the least time of their copies, unless another has it', () => {
    const known = placed([[copy('a', 8)], [copy('b', 5)]]);
    expect(shown(known)).toEqual([[5, { a: 8, b: 5 }]]);
    expect(shown(placed([[copy('a', 8)], [copy('b', 5)], [copy('a', 5)]]))).toEqual([
      [5, { a: 8, b: 5 }],
      [6, { a: 5 }],
    ]);
  });
});
