import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Micros } from '#src/units/time.ts';

/** Turns of the event loop after which data of a socket has been read, its end noticed, and its close told. */
const TURNS = 3;

/**
 * Waits until all that has come to this process by now has been read. Timers and signals may go first: where the process
 * stood still, what lies unread in its sockets, and that they have ended, is in nothing that a timer sees.
 *
 * @returns the time of the call: by then, what had come has been read.
 */
export async function readInput(clock: Clock): Promise<Micros> {
  const called = clock();
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  return called;
}
