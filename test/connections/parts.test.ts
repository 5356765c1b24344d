import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowance } from '#src/connections/allowance.ts';
import { DueQueue } from '#src/connections/due-queue.ts';
import type { Carriage } from '#src/connections/life.ts';
import { levelOut } from '#src/connections/placement.ts';
import { Assignment, Slot } from '#src/connections/slot.ts';
import type { Micros } from '#src/units/time.ts';

describe('levelling out', () => {
  it('never overfills, places all there is room for, and raises the lowest first', () => {
    const berth = fc.record({ load: fc.nat(50), room: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(berth, { maxLength: 12 }), fc.nat(200), (berths, count) => {
        const shares = levelOut(berths, count);
        const room = berths.reduce((sum, each) => sum + each.room, 0);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(Math.min(count, room));
        for (const [index, share] of shares.entries()) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(berths[index]!.room);
        }
        // Nobody was raised above one that had room left and stayed more than one below.
        const raised = berths.map(({ load }, index) => load + shares[index]!);
        for (const [index, share] of shares.entries()) {
          if (share === 0) continue;
          for (const [other, { room: free }] of berths.entries()) {
            if (shares[other]! < free) expect(raised[index]!).toBeLessThanOrEqual(raised[other]! + 1);
          }
        }
      }),
    );
  });

  it('looks at each of 144 berths as often for a million newcomers as for a thousand', () => {
    const looks = (count: number): number => {
      let looked = 0;
      const berths = Array.from({ length: 144 }, () => ({
        load: 0,
        get room() {
          looked++;
          return 7_500;
        },
      }));
      expect(levelOut(berths, count).reduce((sum, share) => sum + share, 0)).toBe(count);
      return looked;
    };
    expect(looks(1_000_000)).toBeLessThanOrEqual(looks(1_000));
    expect(looks(1_000)).toBeLessThan(10 * 144);
  });
});

describe('a queue of things due', () => {
  it('gives them in the order of their times and never too early', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000)), fc.nat(1_000), (times, now) => {
        const queue = new DueQueue<number>();
        for (const time of times) queue.add(time as Micros, time);
        const taken: number[] = [];
        for (let item = queue.take(now as Micros); item !== null; item = queue.take(now as Micros))
          taken.push(item);
        expect(taken).toEqual(times.filter((time) => time <= now).sort((a, b) => a - b));
        expect(queue.size).toBe(times.length - taken.length);
      }),
    );
  });
});

describe('an allowance', () => {
  it('never gives more than its burst at once and its rate over time', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(500_000), fc.nat(20)), { maxLength: 60 }), (asks) => {
        const allowance = new Allowance(10, 5);
        let now = 0;
        let given = 0;
        for (const [wait, wanted] of asks) {
          now += wait;
          const granted = allowance.take(now as Micros, wanted);
          expect(granted).toBeLessThanOrEqual(wanted);
          given += granted;
        }
        expect(given).toBeLessThanOrEqual(5 + (now / 1_000_000) * 10 + 1e-6);
      }),
    );
  });

  it('does not lend when the clock goes back', () => {
    const allowance = new Allowance(10, 5);
    expect(allowance.take(10_000_000 as Micros, 5)).toBe(5);
    expect(allowance.take(1_000_000 as Micros, 5)).toBe(0);
    expect(allowance.take(10_000_000 as Micros, 5)).toBe(0);
    expect(allowance.take(10_500_000 as Micros, 9)).toBe(5);
  });
});

describe('what a place says of its instruments', () => {
  it('is what a count of them gives, whatever has befallen them', () => {
    const change = fc.record({
      which: fc.nat(7),
      what: fc.constantFrom('slot' as const, 'carriage' as const, 'isSeeded' as const),
      to: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const slots = [new Slot('book-1', 'book'), new Slot('book-2', 'book')];
        const carriage = {} as Carriage;
        const all = Array.from({ length: 8 }, (_, number) => new Assignment(`I${number}`, 0 as Micros));
        for (const { which, what, to } of changes) {
          const assignment = all[which]!;
          if (what === 'slot') assignment.slot = slots[to] ?? null;
          else if (what === 'carriage') assignment.carriage = to > 0 ? carriage : null;
          else assignment.isSeeded = to > 0;
        }
        for (const slot of slots) {
          const own = all.filter((assignment) => assignment.slot === slot);
          const carried = own.filter((assignment) => assignment.carriage !== null);
          expect([...slot.assignments].sort(byName)).toEqual([...own].sort(byName));
          expect(slot.subscribed).toBe(carried.length);
          expect(slot.seeded).toBe(carried.filter(({ isSeeded }) => isSeeded).length);
        }
      }),
    );
  });
});

const byName = (left: Assignment, right: Assignment): number => (left.instrument < right.instrument ? -1 : 1);
