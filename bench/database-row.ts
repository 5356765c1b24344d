import type { Row } from './row.ts';

/** The middle value; of an even number the upper of the two. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The row of rates that were measured in turns: those at one place are of one round. */
export function databaseRow(
  described: Pick<Row, 'name' | 'peerName' | 'reach' | 'unit'>,
  ours: readonly number[],
  peer: readonly number[],
): Row {
  const ratios = ours.map((rate, round) => rate / peer[round]!);
  return {
    unit: 'rows/s',
    ...described,
    ours: Math.round(median(ours)),
    peer: Math.round(median(peer)),
    ratio: median(ratios),
    lowerIsBetter: false,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}
