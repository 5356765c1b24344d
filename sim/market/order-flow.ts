import type { Side } from '#src/events/event.ts';
import type { SimulatedBook } from './book.ts';
import type { PriceGrid } from './grid.ts';
import type { Random } from './random.ts';

/** A signed change of one level. Price micro-dollars, change micro-contracts. */
export interface LevelChange {
  readonly side: Side;
  readonly price: number;
  readonly change: number;
}

export interface Fill {
  readonly price: number;
  readonly size: number;
  readonly taker: 'buy' | 'sell';
}

/** What happens in one instant of one market. Changes are in order and already applied to nothing. */
export interface Action {
  readonly changes: readonly LevelChange[];
  /** Each fill consumed resting size, which `changes` holds, unless it is a block. */
  readonly fills: readonly Fill[];
}

const HUNDREDTH = 10_000;
const CONTRACT = 1_000_000;
const MOST_LEVELS = 18;
const USUAL_LEVELS = 8;

/** Sizes have two decimals; most are whole contracts, a few are large. */
function orderSize(random: Random): number {
  const whole = random.chance(0.15) ? random.between(200, 5_000) : random.between(1, 200);
  return random.chance(0.3) ? whole * CONTRACT + random.between(1, 99) * HUNDREDTH : whole * CONTRACT;
}

/** A price for a new order of a side that does not cross, near the top more often than deep. */
function orderPrice(
  book: SimulatedBook,
  grid: PriceGrid,
  side: Side,
  fair: number,
  random: Random,
): number | null {
  const opposite = book.best(side === 'bid' ? 'ask' : 'bid');
  let price = side === 'bid' ? grid.below(opposite ?? fair) : grid.above(opposite ?? fair);
  for (let depth = random.geometric(0.3, 15); depth > 0; depth--) {
    price = side === 'bid' ? grid.below(price) : grid.above(price);
  }
  if (opposite !== null && (side === 'bid' ? price >= opposite : price <= opposite)) return null;
  return price;
}

function place(
  book: SimulatedBook,
  grid: PriceGrid,
  side: Side,
  fair: number,
  random: Random,
): LevelChange[] {
  const price = orderPrice(book, grid, side, fair, random);
  return price === null ? [] : [{ side, price, change: orderSize(random) }];
}

function withdraw(book: SimulatedBook, side: Side, random: Random): LevelChange[] {
  const count = book.count(side);
  const index = count > MOST_LEVELS ? count - 1 : Math.min(random.geometric(0.25, count - 1), count - 1);
  const [price, size] = book.level(side, index);
  const part = Math.floor((size * random.unit()) / HUNDREDTH) * HUNDREDTH;
  return [{ side, price, change: -(random.chance(0.6) || part === 0 ? size : part) }];
}

/** A taker's order: eats levels from the best on, each level a fill. */
function take(book: SimulatedBook, side: Side, random: Random): Action {
  const taker = side === 'ask' ? 'buy' : 'sell';
  const first = book.level(side, 0);
  let left = random.chance(0.35)
    ? Math.round((first[1] * (1 + random.unit())) / HUNDREDTH) * HUNDREDTH
    : Math.max(HUNDREDTH, Math.floor((first[1] * random.unit()) / HUNDREDTH) * HUNDREDTH);
  const changes: LevelChange[] = [];
  const fills: Fill[] = [];
  for (let index = 0; left > 0 && index < Math.min(3, book.count(side)); index++) {
    const [price, size] = book.level(side, index);
    const filled = Math.min(left, size);
    changes.push({ side, price, change: -filled });
    // Two resting orders of equal size give two fills that are equal in everything but their ids.
    if (filled % (2 * HUNDREDTH) === 0 && random.chance(0.15)) {
      fills.push({ price, size: filled / 2, taker }, { price, size: filled / 2, taker });
    } else fills.push({ price, size: filled, taker });
    left -= filled;
  }
  return { changes, fills };
}

/** An order that is amended: the best level goes and comes back a step away, in one instant. */
function amend(book: SimulatedBook, grid: PriceGrid, side: Side): LevelChange[] {
  const [price, size] = book.level(side, 0);
  const away = side === 'bid' ? grid.below(price) : grid.above(price);
  if (away === price) return [];
  return [
    { side, price, change: -size },
    { side, price: away, change: size },
  ];
}

/** Several real changes of one level in the same instant, equal ones among them. */
function flicker(book: SimulatedBook, side: Side, random: Random): LevelChange[] {
  const [price] = book.level(side, random.between(0, book.count(side) - 1));
  const change = random.between(1, 20) * CONTRACT;
  const up = { side, price, change };
  const down = { side, price, change: -change };
  return random.pick([
    [up, up],
    [up, down, up],
    [up, up, down],
  ]);
}

/**
 * The next thing that traders do in one market. It keeps some levels on both sides, never crosses the book and
 * drives it around `fair`.
 *
 * @param flickers whether several changes of one level may fall on one instant
 */
export function nextAction(
  book: SimulatedBook,
  grid: PriceGrid,
  fair: number,
  random: Random,
  flickers: boolean,
): Action {
  const side: Side = random.chance(0.5) ? 'bid' : 'ask';
  const kind = random.unit();
  const count = book.count(side);
  const thin = count < USUAL_LEVELS && random.chance(0.6);
  if (count === 0 || thin || (kind < 0.42 && count <= MOST_LEVELS)) {
    return { changes: place(book, grid, side, fair, random), fills: [] };
  }
  if (kind < 0.77 || count > MOST_LEVELS) return { changes: withdraw(book, side, random), fills: [] };
  if (kind < 0.89) return take(book, side, random);
  if (kind < 0.95 || !flickers) return { changes: amend(book, grid, side), fills: [] };
  return { changes: flicker(book, side, random), fills: [] };
}

/** Orders of a market that has been open for a while. Some books have an empty side, a few are empty. */
export function openingOrders(grid: PriceGrid, fair: number, random: Random): LevelChange[] {
  const changes: LevelChange[] = [];
  for (const side of ['bid', 'ask'] as const) {
    if (random.chance(0.04)) continue;
    let price = side === 'bid' ? grid.below(fair) : grid.above(fair);
    for (let count = random.between(3, 12); count > 0; count--) {
      changes.push({ side, price, change: orderSize(random) });
      for (let steps = 1 + random.geometric(0.6, 4); steps > 0; steps--) {
        price = side === 'bid' ? grid.below(price) : grid.above(price);
      }
    }
  }
  return changes;
}
