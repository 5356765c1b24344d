import type { Gatherer, Venue } from '../events/event.ts';
import { inReceiveOrder } from '../recording/in-order.ts';
import { type RecordingLine, readRecordingFrom } from '../recording/read-recording.ts';
import { formatDate, MICROS_PER_DAY, type Micros } from '../units/time.ts';
import { SEGMENT_BEGAN_WITHIN } from './look-back.ts';
import type { ObjectStore } from './object-store.ts';
import { parseSegmentFileName, type SegmentName } from './segment-name.ts';

/** Raw frames of one line and venue as they lie in the archive: connections of one purpose, for some minutes. */
export interface RawSegment extends SegmentName {
  readonly key: string;
  /** Its lines in order; one that cannot be read comes with its fault. */
  lines(): AsyncGenerator<RecordingLine>;
}

/**
 * Segments of a line that may hold frames received in the span, by the time at which they begin.
 *
 * @throws the store's error when it cannot be listed
 */
export async function rawSegments(
  store: ObjectStore,
  venue: Venue,
  gatherer: Gatherer,
  span: { readonly from: Micros; readonly to: Micros },
): Promise<RawSegment[]> {
  const found: RawSegment[] = [];
  const earliest = Math.max(0, span.from - SEGMENT_BEGAN_WITHIN);
  for (let day = earliest - (earliest % MICROS_PER_DAY); day < span.to; day += MICROS_PER_DAY) {
    const date = formatDate(day as Micros);
    for await (const key of store.list(`raw/venue=${venue}/gatherer=${gatherer}/date=${date}/`)) {
      const name = parseSegmentFileName(key.slice(key.lastIndexOf('/') + 1));
      if (name === null || name.start < earliest || name.start >= span.to) continue;
      const bytes = async function* (): AsyncGenerator<Uint8Array> {
        yield await store.get(key);
      };
      found.push({ ...name, key, lines: () => readRecordingFrom(bytes()) });
    }
  }
  return found.sort((left, right) => left.start - right.start || (left.key < right.key ? -1 : 1));
}

/**
 * Lines of segments in the order in which they were received: each group of connections has its own segments, one
 * after the other, and several groups were written to at once.
 */
export function linesInOrder(segments: readonly RawSegment[]): AsyncGenerator<RecordingLine> {
  const groups = [...Map.groupBy(segments, ({ group, epoch }) => `${group} ${epoch}`).values()];
  const parts = groups.map((own) => ({ begin: own[0]!.start, lines: () => oneAfterTheOther(own) }));
  return inReceiveOrder(parts, ({ recorded }) => recorded?.t ?? 0);
}

async function* oneAfterTheOther(segments: readonly RawSegment[]): AsyncGenerator<RecordingLine> {
  for (const segment of segments) yield* segment.lines();
}
