import type { Level } from '../events/event.ts';

/**
 * Puts the levels of one side best first, in place, whatever order they came in: bids from high to low, asks
 * from low to high.
 *
 * @returns the price that is named twice, which no book can have, or null.
 */
export function orderBestFirst(levels: Level[], side: 'bid' | 'ask'): number | null {
  const { length } = levels;
  let isRising = true;
  let isFalling = true;
  for (let index = 1; index < length; index++) {
    const before = levels[index - 1]![0];
    const price = levels[index]![0];
    if (price <= before) isRising = false;
    if (price >= before) isFalling = false;
  }
  if (side === 'bid') {
    if (isFalling) return null;
    if (isRising) levels.reverse();
    else levels.sort((a, b) => b[0] - a[0]);
  } else {
    if (isRising) return null;
    if (isFalling) levels.reverse();
    else levels.sort((a, b) => a[0] - b[0]);
  }
  if (isRising || isFalling) return null;
  for (let index = 1; index < length; index++) {
    if (levels[index]![0] === levels[index - 1]![0]) return levels[index]![0];
  }
  return null;
}
