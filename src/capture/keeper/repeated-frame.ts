import type { MarketEvent } from '../../events/event.ts';
import type { DecodedFrame } from '../../venues/decoder.ts';
import { frameText } from '../../venues/frame-bytes.ts';
import type { Source } from './instrument-state.ts';

/** Frames beyond this length are not kept for comparison with the next. */
const LONGEST_REPEATED = 65_536;
/** Changes of one frame that are compared with each other, at most. */
const MANY_CHANGES = 64;

/**
 * Whether the subscription sends a frame of changes again, letter for letter: the one before it, or one of several
 * changes of a level. It is remembered from now on.
 */
export function isRepeatedFrame(source: Source, decoded: DecodedFrame, data: string | Uint8Array): boolean {
  const isRepeated = source.lastFrame !== null && isSameFrame(data, source.lastFrame);
  if (isRepeated || decoded.events.length === 0) return isRepeated;
  let isChanges = data.length < LONGEST_REPEATED;
  for (const { kind } of decoded.events) if (kind !== 'book_delta') isChanges = false;
  source.lastFrame = isChanges ? data : null;
  // Of one that changes a level twice, the changes alone do not tell a resend from two more of them.
  return isChanges && namesLevelTwice(decoded.events) && !source.doubled.add(frameText(data), 0, 0);
}

function isSameFrame(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (a.length !== b.length) return false;
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return Buffer.compare(a, b) === 0;
}

/** Whether two of the changes are of one level; of very many that is taken for granted. */
function namesLevelTwice(events: readonly MarketEvent[]): boolean {
  if (events.length > MANY_CHANGES) return true;
  for (let later = 1; later < events.length; later++) {
    const event = events[later]!;
    if (event.kind !== 'book_delta') continue;
    for (let index = 0; index < later; index++) {
      const other = events[index] as typeof event;
      if (event.price === other.price && event.side === other.side && event.instrument === other.instrument)
        return true;
    }
  }
  return false;
}
