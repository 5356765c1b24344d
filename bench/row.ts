/** One figure of the bench beside that of a peer, of the same run on the same machine. */
export interface BenchRow {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Ours over the peer's. */
  readonly ratio: number;
  /** What the ratio is to reach; null where nothing is asked. */
  readonly reach: number | null;
  readonly lowerIsBetter: boolean;
}

/** The middle value; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
