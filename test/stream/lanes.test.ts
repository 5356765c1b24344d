import { expect, test } from 'vitest';
import { laneNames, partitionNumber } from '#src/stream/lanes.ts';

test.each([1, 2, 16, 100])('there is a name that leads into each of %i partitions', (lanes) => {
  expect(laneNames(lanes).map((name) => partitionNumber(name, lanes))).toEqual(
    Array.from({ length: lanes }, (_, partition) => partition),
  );
});
