import { expect, test } from 'vitest';
import { LaneNumbers, laneNames, partitionNumber } from '#src/stream/lanes.ts';

test.each([1, 2, 16, 100])('there is a name that leads into each of %i partitions', (lanes) => {
  expect(laneNames(lanes).map((name) => partitionNumber(name, lanes))).toEqual(
    Array.from({ length: lanes }, (_, partition) => partition),
  );
});

test('a lane leads into the same partition whether it is remembered or not', () => {
  const numbers = new LaneNumbers(16);
  // More lanes than are remembered, each asked for twice and then all again.
  for (let round = 0; round < 2; round++) {
    for (let lane = 0; lane < 70_000; lane++) {
      const name = `KX-${lane}`;
      const expected = partitionNumber(name, 16);
      if (numbers.of(name) !== expected || numbers.of(name) !== expected)
        throw new Error(`${name} has moved`);
    }
  }
  expect(numbers.of('KX-7')).toBe(partitionNumber('KX-7', 16));
});
