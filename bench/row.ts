/**
 * One figure beside the figure it is held against, both measured in the same run.
 *
 * `ratio` says how many times better ours is: `ours / peer`, and `peer / ours` where `lowerIsBetter`. So more than 1
 * is ahead of the peer, and a figure is reached where `ratio >= reach`, whichever way it counts.
 */
export interface Row {
  readonly name: string;
  /** Rows of one group are one line of the short table, with their least and greatest ratio. */
  readonly group?: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Median over the rounds of what each round gave; not the quotient of the two medians beside it. */
  readonly ratio: number;
  /** Null where none is asked. */
  readonly reach: number | null;
  readonly lowerIsBetter: boolean;
  /** Of both figures, e.g. `frames/s`. */
  readonly unit?: string;
  /** Lower and upper quartile of the rounds' ratios, where there were several. */
  readonly spread?: readonly [low: number, high: number] | null;
}

/** How much work a run does. */
export interface Extent {
  /** Fewer rounds of less work: the ratios are right, their spread is wide. */
  readonly isQuick: boolean;
  /** Rounds of every comparison. */
  readonly rounds: number;
}

/** A subject that is measured in a process of its own and gives one row or several. */
export interface Subject {
  readonly name: string;
  run(extent: Extent): Promise<readonly Row[]>;
}

/** Whether the figure asked for is reached; true where none is asked. */
export function isReached(row: Row): boolean {
  return row.reach === null || row.ratio >= row.reach;
}
