import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sortedBtreeModule from 'sorted-btree';
import { OrderBook as TardisBook } from 'tardis-dev';
import { OrderBook } from '#src/book/order-book.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { BookStream } from './book-stream.ts';

/**
 * A book that plays a stream and reads both best prices after every update. Each has loops of its own, so that none
 * pays for the others' shapes. Both give the sum of the best prices seen: equal books give equal sums.
 */
export interface BookPlayer {
  readonly name: string;
  absolute(stream: BookStream): number;
  signed(stream: BookStream): number;
}

const { default: BTree } = sortedBtreeModule;

const SIDES = ['bid', 'ask'] as const;

export const ours: BookPlayer = {
  name: 'OrderBook',
  absolute({ length, sides, prices, sizes }) {
    const book = new OrderBook();
    let sum = 0;
    for (let index = 0; index < length; index++) {
      book.set(SIDES[sides[index]!]!, prices[index]! as Price, sizes[index]! as Size, index);
      sum += (book.bestBid ?? 0) + (book.bestAsk ?? 0);
    }
    return sum;
  },
  signed({ length, sides, prices, changes }) {
    const book = new OrderBook();
    let sum = 0;
    for (let index = 0; index < length; index++) {
      book.change(SIDES[sides[index]!]!, prices[index]! as Price, changes[index]! as Size, index);
      sum += (book.bestBid ?? 0) + (book.bestAsk ?? 0);
    }
    return sum;
  },
};

/** A size for every price of the grid, and the place of the best: as fast as it gets, if the grid never changes. */
export const denseLadder: BookPlayer = {
  name: 'dense typed-array ladder',
  absolute: ({ length, sides, ticks, sizes, grid, step }) => {
    const bids = new Float64Array(grid + 2);
    const asks = new Float64Array(grid + 2);
    let bid = 0;
    let ask = grid + 1;
    let sum = 0;
    for (let index = 0; index < length; index++) {
      const tick = ticks[index]!;
      const size = sizes[index]!;
      if (sides[index] === 0) {
        bids[tick] = size;
        if (size > 0) {
          if (tick > bid) bid = tick;
        } else if (tick === bid) while (bid > 0 && bids[bid] === 0) bid--;
      } else {
        asks[tick] = size;
        if (size > 0) {
          if (tick < ask) ask = tick;
        } else if (tick === ask) while (ask <= grid && asks[ask] === 0) ask++;
      }
      sum += bid * step + (ask > grid ? 0 : ask * step);
    }
    return sum;
  },
  signed: ({ length, sides, ticks, changes, grid, step }) => {
    const bids = new Float64Array(grid + 2);
    const asks = new Float64Array(grid + 2);
    let bid = 0;
    let ask = grid + 1;
    let sum = 0;
    for (let index = 0; index < length; index++) {
      const tick = ticks[index]!;
      if (sides[index] === 0) {
        const size = bids[tick]! + changes[index]!;
        bids[tick] = size;
        if (size > 0) {
          if (tick > bid) bid = tick;
        } else if (tick === bid) while (bid > 0 && bids[bid] === 0) bid--;
      } else {
        const size = asks[tick]! + changes[index]!;
        asks[tick] = size;
        if (size > 0) {
          if (tick < ask) ask = tick;
        } else if (tick === ask) while (ask <= grid && asks[ask] === 0) ask++;
      }
      sum += bid * step + (ask > grid ? 0 : ask * step);
    }
    return sum;
  },
};

function btreePlay({ length, sides, prices, sizes, changes }: BookStream, isSigned: boolean): number {
  const bids = new BTree<number, number>();
  const asks = new BTree<number, number>();
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const tree = sides[index] === 0 ? bids : asks;
    const price = prices[index]!;
    const size = isSigned ? (tree.get(price) ?? 0) + changes[index]! : sizes[index]!;
    if (size === 0) tree.delete(price);
    else tree.set(price, size);
    sum += (bids.maxKey() ?? 0) + (asks.minKey() ?? 0);
  }
  return sum;
}

export const sortedBtree: BookPlayer = {
  name: 'sorted-btree',
  absolute: (stream) => btreePlay(stream, false),
  signed: (stream) => btreePlay(stream, true),
};

/** It has no signed changes and no look-up by price: whoever needs them keeps the sizes beside it. */
function tardisPlay({ length, sides, prices, sizes, changes }: BookStream, isSigned: boolean): number {
  const book = new TardisBook();
  const head = { type: 'book_change', symbol: 'X', exchange: 'deribit' } as const;
  const time = new Date(0);
  const frame = { ...head, timestamp: time, localTimestamp: time };
  book.update({ ...frame, isSnapshot: true, bids: [], asks: [] });
  const held = [new Map<number, number>(), new Map<number, number>()] as const;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const side = sides[index]!;
    const price = prices[index]!;
    let amount = sizes[index]!;
    if (isSigned) {
      amount = (held[side]!.get(price) ?? 0) + changes[index]!;
      held[side]!.set(price, amount);
    }
    const change = [{ price, amount }];
    book.update({
      ...frame,
      isSnapshot: false,
      bids: side === 0 ? change : [],
      asks: side === 0 ? [] : change,
    });
    sum += (book.bestBid()?.price ?? 0) + (book.bestAsk()?.price ?? 0);
  }
  return sum;
}

export const tardis: BookPlayer = {
  name: 'tardis-dev',
  absolute: (stream) => tardisPlay(stream, false),
  signed: (stream) => tardisPlay(stream, true),
};

interface CcxtSide extends Array<[price: number, size: number]> {
  store(price: number, size: number): void;
}

/** The package exports its exchanges only; the class of its books lies beside them. */
async function loadCcxt(): Promise<new () => { readonly bids: CcxtSide; readonly asks: CcxtSide }> {
  const root = dirname(dirname(createRequire(import.meta.url).resolve('ccxt')));
  const module = (await import(pathToFileURL(join(root, 'js/src/base/ws/OrderBook.js')).href)) as {
    OrderBook: new () => { readonly bids: CcxtSide; readonly asks: CcxtSide };
  };
  return module.OrderBook;
}

/** Sizes beside it for signed changes, as it gives none by price. */
export async function ccxt(): Promise<BookPlayer> {
  const CcxtBook = await loadCcxt();
  const play = ({ length, sides, prices, sizes, changes }: BookStream, isSigned: boolean): number => {
    const { bids, asks } = new CcxtBook();
    const held = [new Map<number, number>(), new Map<number, number>()] as const;
    let sum = 0;
    for (let index = 0; index < length; index++) {
      const side = sides[index]!;
      const price = prices[index]!;
      let size = sizes[index]!;
      if (isSigned) {
        size = (held[side]!.get(price) ?? 0) + changes[index]!;
        held[side]!.set(price, size);
      }
      (side === 0 ? bids : asks).store(price, size);
      sum += (bids[0]?.[0] ?? 0) + (asks[0]?.[0] ?? 0);
    }
    return sum;
  };
  return {
    name: 'ccxt',
    absolute: (stream) => play(stream, false),
    signed: (stream) => play(stream, true),
  };
}
