/** One figure of a database beside that of a peer, of the same run on the same machine. */
export interface DatabaseRow {
  readonly name: string;
  /** Medians over the rounds. */
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Median over the rounds of ours over the peer's: load that befalls a round befalls both. */
  readonly ratio: number;
  /** What the ratio is to reach; null where nothing is asked. */
  readonly reach: number | null;
  readonly lowerIsBetter: false;
  readonly unit: 'rows/s';
  /** Least and greatest ratio of a round. */
  readonly spread: readonly [least: number, greatest: number];
}

/** The middle value; of an even number the upper of the two. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The row of rates that were measured in turns: those at one place are of one round. */
export function databaseRow(
  described: Pick<DatabaseRow, 'name' | 'peerName' | 'reach'>,
  ours: readonly number[],
  peer: readonly number[],
): DatabaseRow {
  const ratios = ours.map((rate, round) => rate / peer[round]!);
  return {
    ...described,
    ours: Math.round(median(ours)),
    peer: Math.round(median(peer)),
    ratio: median(ratios),
    lowerIsBetter: false,
    unit: 'rows/s',
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}
