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

/** The same, where each line's own come in the order in which it received them. */
const ordered = (copies: fc.Arbitrary<AnnouncementCopy[]>): fc.Arbitrary<AnnouncementCopy[][]> =>
  parts(copies).map((script) => {
    const own = Map.groupBy(script.flat(), ({ line }) => line);
    for (const all of own.values()) all.sort((left, right) => left.receivedAt - right.receivedAt);
    return script.map((part) => part.map(({ line }) => own.get(line)!.shift()!));
  });

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

  it('are one row each for lines that stood still and read theirs late, in whatever order they come', () => {
    // It comes back when nothing has happened for longer than the window.
    const stands = fc
      .record({
        slot: fc.nat(4),
        before: fc.integer({ min: 1, max: 25 }),
        count: fc.nat(2),
        after: fc.nat(10),
      })
      .map(({ slot, before, count, after }) => ({
        from: slot * 30 - before,
        to: (slot + count) * 30 + 15 + after,
      }));
    const happened = fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 5 });
    const script = fc.tuple(happened, stands, fc.constantFrom(...lines)).map(([all, { from, to }, stood]) =>
      lines.flatMap((line, index) =>
        all.map((slot): AnnouncementCopy => {
          const at = slot * 30 + index;
          if (line !== stood) return copy(line, at);
          // What waited is read in the order in which it came, and what comes soon after is taken for late as well.
          if (at >= from && at < to) return { ...copy(line, to + (slot + 1) / 100), isLate: true };
          return { ...copy(line, at), isLate: at >= to && at < to + 5 };
        }),
      ),
    );
    fc.assert(
      fc.property(ordered(script), (all) => {
        const known = placed(all);
        const each = Map.groupBy(all.flat(), ({ line }) => line);
        expect(known).toHaveLength(Math.max(...[...each.values()].map(({ length }) => length)));
        expect(shown(placed([...all, all.flat()]))).toEqual(shown(known));
      }),
    );
  });

  it('are two where one was late, and no more than its lateness would make it the other', () => {
    const late = { ...copy('a', 90), isLate: true };
    expect(shown(placed([[copy('b', 5), copy('c', 7)], [late]]))).toEqual([[5, { a: 90, b: 5, c: 7 }]]);
    expect(placed([[copy('b', 5)], [copy('a', 90)]])).toHaveLength(2);
    expect(placed([[copy('b', 5)], [{ ...late, receivedAt: 116 as Micros }]])).toHaveLength(2);
    // Not said to others before it was read: theirs, if there is one, is another.
    expect(placed([[late], [copy('b', 101)]])).toHaveLength(2);
  });

  it('take every time that others leave at once, so that placing them again changes nothing', () => {
    const script = [
      [copy('a', 6), copy('c', 5), copy('a', 16), copy('c', 6)],
      [copy('c', 4), copy('b', 4)],
      [copy('a', 15)],
      [copy('a', 9), copy('a', 0)],
    ];
    expect(shown(placed([...script, script.flat()]))).toEqual(shown(placed(script)));
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
