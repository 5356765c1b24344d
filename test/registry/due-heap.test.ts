import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueHeap } from '#src/registry/due-heap.ts';

describe('the heap of due times', () => {
  it('gives slots in the order of their last set times, each once, whatever was set before', () => {
    const settings = fc.array(fc.record({ slot: fc.nat(200), time: fc.integer({ min: 1, max: 1_000 }) }), {
      maxLength: 3_000,
    });
    fc.assert(
      fc.property(settings, (sets) => {
        const due = new Map<number, number>();
        const heap = new DueHeap((slot, time) => due.get(slot) === time);
        for (const { slot, time } of sets) {
          if (due.get(slot) === time) continue;
          due.set(slot, time);
          heap.push(time, slot);
        }
        const expected = [...due.values()].sort((a, b) => a - b);
        const popped: number[] = [];
        for (;;) {
          const next = heap.next();
          const slot = heap.popDue(500);
          if (slot < 0) break;
          expect(due.get(slot)).toBe(next);
          popped.push(next);
          due.delete(slot);
        }
        expect(popped).toEqual(expected.filter((time) => time <= 500));
      }),
      { numRuns: 40 },
    );
  });

  it('does not grow with the times that were set and moved', () => {
    const due = new Map<number, number>();
    const heap = new DueHeap((slot, time) => due.get(slot) === time);
    for (let round = 0; round < 1_000; round++) {
      for (let slot = 0; slot < 100; slot++) {
        due.set(slot, 1_000 + round);
        heap.push(1_000 + round, slot);
      }
    }
    expect(heap.size).toBeLessThan(3_000);
  });
});
