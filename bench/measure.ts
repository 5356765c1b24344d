import type { Extent, Row } from './row.ts';

/** Somebody who does the work that is being compared. */
export interface Contender {
  readonly name: string;
  /** Makes ready what one run needs; not measured. */
  readonly prepare?: () => void | Promise<void>;
  /** Does the work once. @returns how many units of it were done. */
  readonly run: () => number | Promise<number>;
  /** CPU time in microseconds that other processes have taken for it up to now; counted where CPU time is. */
  readonly cpuElsewhere?: () => number;
}

/**
 * `cpu`: time of all threads of this process and of what works for it, so that others on the machine count little.
 * `wall`: time on the wall.
 */
export type TimeKind = 'cpu' | 'wall';

/** Units per second of each contender in each round. */
export type Rates = ReadonlyMap<string, readonly number[]>;

const MICROS_PER_SECOND = 1_000_000;
/** Each contender runs at least so often and so long before it counts: compilers work beside, and take their time. */
const WARM_UPS = 3;
const WARM_UP_MILLIS = 300;

/**
 * Runs all contenders in turn, round after round, each round beginning with another of them: whatever else the
 * machine does befalls all alike. Young garbage of one is collected before the next begins, if `--expose-gc` allows.
 */
export async function measureBoth(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Readonly<Record<TimeKind, Rates>>> {
  const none = (): Map<string, number[]> => new Map(contenders.map(({ name }) => [name, []]));
  const rates = { cpu: none(), wall: none() };
  for (const contender of contenders) {
    const began = performance.now();
    for (let runs = 0; runs < WARM_UPS || performance.now() - began < WARM_UP_MILLIS; runs++) {
      await contender.prepare?.();
      await contender.run();
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < contenders.length; index++) {
      const contender = contenders[(index + round) % contenders.length]!;
      await contender.prepare?.();
      // A full collection would also throw away code made for shapes of which none is alive at the moment.
      globalThis.gc?.({ type: 'minor' });
      const elsewhere = contender.cpuElsewhere?.() ?? 0;
      const cpu = process.cpuUsage();
      const wall = process.hrtime.bigint();
      const units = await contender.run();
      const elapsed = Number(process.hrtime.bigint() - wall) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      const other = (contender.cpuElsewhere?.() ?? 0) - elsewhere;
      for (const [kind, micros] of [
        ['cpu', user + system + other],
        ['wall', elapsed],
      ] as const)
        rates[kind].get(contender.name)!.push((units * MICROS_PER_SECOND) / Math.max(micros, 1));
    }
  }
  return rates;
}

/** As `measureBoth`, of one kind of time. */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  kind: TimeKind = 'cpu',
): Promise<Rates> {
  return (await measureBoth(contenders, rounds))[kind];
}

/** The value in the middle; of an even number, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between neighbours. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * part;
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}

/** The row of two contenders out of measured rates; the ratio is made round by round, so that load cancels out. */
export function rateRow(
  rates: Rates,
  ours: string,
  peer: string,
  described: { readonly name: string; readonly reach: number | null; readonly unit: string },
): Row {
  const mine = rates.get(ours)!;
  const theirs = rates.get(peer)!;
  const ratios = mine.map((rate, round) => rate / theirs[round]!);
  return {
    name: described.name,
    ours: median(mine),
    peer: median(theirs),
    peerName: peer,
    ratio: median(ratios),
    reach: described.reach,
    lowerIsBetter: false,
    unit: described.unit,
    spread: ratios.length < 2 ? null : [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

/** Of several peers the one with the highest median rate. */
export function best(rates: Rates, peers: readonly string[]): string {
  return peers.reduce((a, b) => (median(rates.get(b)!) > median(rates.get(a)!) ? b : a));
}

/** Compares two, and makes their row. */
export async function compare(
  ours: Contender,
  peer: Contender,
  described: { readonly name: string; readonly reach: number | null; readonly unit: string },
  extent: Extent,
  kind: TimeKind = 'cpu',
): Promise<Row> {
  return rateRow(await measure([ours, peer], extent.rounds, kind), ours.name, peer.name, described);
}
