import { type ConnectionFrames, kalshiFrames } from './simulated-frames.ts';

const MARKETS = 1_200;
/** Part of the simulated time in which first books come, which is not measured. */
const BEGINNING = 0.25;

/** What the connections receive, and how many frames of each belong to the beginning. */
export interface SocketInput {
  readonly connections: readonly ConnectionFrames[];
  readonly first: readonly number[];
}

/** The same in every process that asks for the same. */
export function socketInput(frames: number, connections: number): SocketInput {
  const inputs = kalshiFrames(frames, MARKETS, connections);
  const ends = inputs.map((input) => input.frames.at(-1)!.at);
  const begin = inputs[0]!.frames[0]!.at;
  const until = begin + (Math.max(...ends) - begin) * BEGINNING;
  return {
    connections: inputs,
    first: inputs.map((input) => input.frames.filter(({ at }) => at <= until).length),
  };
}
