import type { BookPlayer } from './book-peers.ts';
import type { BookStream } from './book-stream.ts';

const PAGE = 64;

interface Page {
  readonly keys: number[];
  readonly sizes: number[];
}

/** Place of the first key that is not below `key`. */
function lowerBound(keys: readonly number[], key: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * One side of a book in sorted pages of 64 levels, keys ascending, the best at the very end: the idea of the
 * newest tardis books, measured here because npm does not have them. Not used by the project.
 */
class PagedSide {
  private readonly pages: Page[] = [{ keys: [], sizes: [] }];

  get best(): number {
    return this.pages.at(-1)!.keys.at(-1) ?? 0;
  }

  update(key: number, size: number, isSigned: boolean): void {
    const { pages } = this;
    let low = 0;
    let high = pages.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { keys } = pages[middle]!;
      if (keys[keys.length - 1]! < key) low = middle + 1;
      else high = middle;
    }
    const { keys, sizes } = pages[low]!;
    const at = lowerBound(keys, key);
    const isThere = keys[at] === key;
    const result = isSigned && isThere ? sizes[at]! + size : size;
    if (result === 0) {
      if (!isThere) return;
      keys.splice(at, 1);
      sizes.splice(at, 1);
      if (keys.length === 0 && pages.length > 1) pages.splice(low, 1);
    } else if (isThere) sizes[at] = result;
    else {
      keys.splice(at, 0, key);
      sizes.splice(at, 0, result);
      if (keys.length > PAGE) {
        pages.splice(low + 1, 0, { keys: keys.splice(PAGE / 2), sizes: sizes.splice(PAGE / 2) });
      }
    }
  }
}

function play({ length, sides, prices, sizes, changes }: BookStream, isSigned: boolean): number {
  const bids = new PagedSide();
  const asks = new PagedSide();
  const amounts = isSigned ? changes : sizes;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    if (sides[index] === 0) bids.update(prices[index]!, amounts[index]!, isSigned);
    else asks.update(0 - prices[index]!, amounts[index]!, isSigned);
    sum += bids.best + (0 - asks.best);
  }
  return sum;
}

export const pagedBook: BookPlayer = {
  name: 'sorted pages of 64',
  absolute: (stream) => play(stream, false),
  signed: (stream) => play(stream, true),
};
