/** A stream of book updates in columns: `sides` 0 for bids and 1 for asks, prices in micro-dollars. */
export interface BookStream {
  readonly length: number;
  readonly sides: Uint8Array;
  readonly prices: Int32Array;
  /** Index of the price on the grid, for books that are arrays. */
  readonly ticks: Int32Array;
  /** Absolute sizes after each update, micro-contracts. */
  readonly sizes: Float64Array;
  /** The same updates as signed changes. */
  readonly changes: Float64Array;
  /** Ticks of the grid, and the distance between two in micro-dollars. */
  readonly grid: number;
  readonly step: number;
}

const DOLLAR = 1_000_000;
/** One price in so many is used in a sparse book, and at least so many of a side. */
const SPARSE = 20;
const LEAST_SPARSE = 5;
const DELETES = 0.25;

/** Uniform numbers from 0 to 1, the same ones for the same seed (a 32-bit xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** Distances from the middle at which anybody ever bids: few, and at random. */
function pricesInUse(middle: number, random: () => number): number[] {
  const wanted = Math.max(LEAST_SPARSE, Math.floor(middle / SPARSE));
  const distances = new Set<number>();
  while (distances.size < wanted) distances.add(Math.floor(random() * (middle - 1)));
  return [...distances].sort((a, b) => a - b);
}

/**
 * Side by coin, distance from the middle exponential, a quarter of the updates empty their level, which is where a
 * day's traffic lies.
 */
export function bookStream(length: number, grid: number, isSparse: boolean): BookStream {
  const random = randomNumbers(grid);
  const step = Math.round(DOLLAR / (grid === 99 ? 100 : grid));
  const middle = Math.floor(grid / 2);
  const inUse = isSparse ? pricesInUse(middle, random) : null;
  const stream = {
    length,
    sides: new Uint8Array(length),
    prices: new Int32Array(length),
    ticks: new Int32Array(length),
    sizes: new Float64Array(length),
    changes: new Float64Array(length),
    grid,
    step,
  };
  const held = [new Float64Array(grid + 1), new Float64Array(grid + 1)];
  for (let index = 0; index < length; index++) {
    const side = random() < 0.5 ? 0 : 1;
    const far = -Math.log(1 - random()) * (grid / 8);
    let distance = Math.floor(far) % (middle - 1);
    if (inUse !== null) distance = inUse[Math.floor((distance / middle) * inUse.length)]!;
    const tick = side === 0 ? middle - distance : middle + 1 + distance;
    const before = held[side]![tick]!;
    const size = before > 0 && random() < 2 * DELETES ? 0 : Math.ceil(random() * 1_000_000) * 10_000;
    held[side]![tick] = size;
    stream.sides[index] = side;
    stream.ticks[index] = tick;
    stream.prices[index] = tick * step;
    stream.sizes[index] = size;
    stream.changes[index] = size - before;
  }
  return stream;
}
