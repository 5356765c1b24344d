import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Continuity, SequenceTracker } from '#src/continuity/sequence.ts';

const names = Object.fromEntries(Object.entries(Continuity).map(([name, value]) => [value, name]));
/** Frames of these numbers; each number stands for one and the same frame, unless another mark is given. */
const verdicts = (numbers: readonly number[], tracker = new SequenceTracker(), mark = 0) =>
  numbers.map((seq) => names[tracker.accept(seq, seq + mark)]);

describe('a sequence tracker', () => {
  it('expects numbers from 1 without a hole', () => {
    expect(verdicts([1, 2, 3])).toEqual(['next', 'next', 'next']);
    expect(verdicts([3])).toEqual(['gap']);
  });

  it('names the bounds of what is missing', () => {
    const tracker = new SequenceTracker();
    verdicts([1, 2, 7], tracker);
    expect([tracker.missingFrom, tracker.missingTo, tracker.lastNumber]).toEqual([3, 6, 7]);
  });

  it('tells a frame that comes late from one that comes twice', () => {
    expect(verdicts([1, 5, 3, 3, 5, 2, 4, 4, 6])).toEqual([
      'next',
      'gap',
      'late',
      'duplicate',
      'duplicate',
      'late',
      'late',
      'duplicate',
      'next',
    ]);
  });

  it('notices with the first frame that the numbering began anew, and goes on from there', () => {
    const tracker = new SequenceTracker();
    verdicts([1, 2, 3], tracker);
    expect(verdicts([1, 2, 3], tracker, 100)).toEqual(['restart', 'next', 'next']);
    expect(verdicts([2, 3, 4], tracker, 100)).toEqual(['duplicate', 'duplicate', 'next']);
    // Its first frame may have been lost.
    expect(verdicts([3, 4], tracker, 200)).toEqual(['restart', 'next']);
  });

  it('takes a number far behind for a numbering begun anew, whatever the frame says', () => {
    const tracker = new SequenceTracker();
    for (let seq = 1; seq <= 1_000; seq++) tracker.accept(seq, 7);
    expect(tracker.accept(745, 7)).toBe(Continuity.duplicate);
    expect(tracker.accept(744, 7)).toBe(Continuity.restart);
  });

  it('takes a first frame that comes twice for a duplicate', () => {
    expect(verdicts([1, 2, 1, 3])).toEqual(['next', 'next', 'duplicate', 'next']);
  });

  it('accepts each number exactly once, and knows of every hole, whatever is lost, doubled or late', () => {
    const step = fc.record({ lost: fc.boolean(), again: fc.boolean(), swap: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const wire: number[] = [];
        steps.forEach(({ lost, again, swap }, index) => {
          const seq = index + 1;
          if (lost && index % 3 === 0) return;
          if (swap && wire.length > 0) wire.splice(wire.length - 1, 0, seq);
          else wire.push(seq);
          if (again && index % 2 === 0) wire.push(wire.at(-1)!);
        });
        const tracker = new SequenceTracker();
        const accepted: number[] = [];
        const missing = new Set<number>();
        for (const seq of wire) {
          const verdict = tracker.accept(seq, seq);
          expect(verdict).not.toBe(Continuity.restart);
          if (verdict === Continuity.gap) {
            for (let at = tracker.missingFrom; at <= tracker.missingTo; at++) missing.add(at);
          }
          if (verdict === Continuity.late) expect(missing.delete(seq)).toBe(true);
          if (verdict !== Continuity.duplicate) accepted.push(seq);
        }
        expect(accepted.length).toBe(new Set(accepted).size);
        expect(new Set(accepted)).toEqual(new Set(wire));
        const last = Math.max(0, ...wire);
        for (let seq = 1; seq <= last; seq++) expect(accepted.includes(seq) || missing.has(seq)).toBe(true);
      }),
    );
  });
});
