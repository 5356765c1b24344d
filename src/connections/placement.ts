/** Where instruments can be put: a connection with room. */
export interface Berth {
  readonly load: number;
  readonly room: number;
}

/**
 * Shares `count` newcomers over berths so that the least loaded fill first and none beyond its room. Returns
 * how many each berth gets, in the same order; their sum is less than `count` only where all are full.
 * Costs berths × log berths, whatever the count.
 */
export function levelOut(berths: readonly Berth[], count: number): number[] {
  const shares = berths.map(() => 0);
  const order = berths.map((_, index) => index).filter((index) => berths[index]!.room > 0);
  order.sort((a, b) => berths[a]!.load - berths[b]!.load || a - b);
  let left = count;
  // The berths before `open` are level with each other; they rise together to the next one's load.
  let risen: number[] = [];
  let level = 0;
  for (let open = 0; left > 0 && (open < order.length || risen.length > 0); ) {
    if (risen.length === 0) level = berths[order[open]!]!.load;
    while (open < order.length && berths[order[open]!]!.load <= level) risen.push(order[open++]!);
    const next = open < order.length ? berths[order[open]!]!.load : Number.POSITIVE_INFINITY;
    const leastRoom = risen.reduce(
      (least, i) => Math.min(least, berths[i]!.room - shares[i]!),
      Number.POSITIVE_INFINITY,
    );
    const step = Math.min(next - level, leastRoom, Math.floor(left / risen.length));
    if (step === 0) {
      for (const index of risen) {
        if (left === 0) break;
        shares[index] = shares[index]! + 1;
        left--;
      }
      break;
    }
    for (const index of risen) shares[index] = shares[index]! + step;
    left -= step * risen.length;
    level += step;
    risen = risen.filter((index) => shares[index]! < berths[index]!.room);
  }
  return shares;
}
