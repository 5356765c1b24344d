import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowableRing } from '#src/stream/growable-ring.ts';

test('a ring gives back in order exactly what an array would, however pushes and shifts alternate', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(null), fc.integer()), { maxLength: 400 }), (steps) => {
      const ring = new GrowableRing<number>();
      const reference: number[] = [];
      for (const step of steps) {
        if (step === null) expect(ring.shift()).toBe(reference.shift());
        else {
          ring.push(step);
          reference.push(step);
        }
        expect(ring.peek()).toBe(reference[0]);
        expect(ring.length).toBe(reference.length);
      }
      expect([...ring]).toEqual(reference);
    }),
  );
});

test('a ring doubles at 70 per cent, never refuses, and gives its memory back', () => {
  const ring = new GrowableRing<number>();
  for (let value = 0; value < 12; value++) ring.push(value);
  expect(ring.capacity).toBe(16);
  ring.push(12);
  expect(ring.capacity).toBe(32);
  for (let value = 13; value < 10_000; value++) ring.push(value);
  expect(ring.capacity).toBe(16_384);
  for (let value = 0; value < 10_000; value++) expect(ring.shift()).toBe(value);
  expect(ring.capacity).toBe(16);
  expect(ring.shift()).toBeUndefined();
});
