import type { Gatherer, Venue } from '../events/event.ts';
import { formatRfc3339, type Micros } from '../units/time.ts';

/** Extension of a finished segment: JSON lines in one zstd frame. */
const SEGMENT_EXTENSION = '.jsonl.zst';
/** Added while the segment is being written. */
export const OPEN_SUFFIX = '.open';

/** What one segment of raw frames is: a group of connections of one venue, from one moment of one process life. */
export interface SegmentName {
  readonly group: string;
  /** Receive time of the first frame. */
  readonly start: Micros;
  readonly epoch: string;
}

const NAME = /^(.+)-(\d{1,16})-([^-]+)\.jsonl\.zst$/;

/**
 * Connections of one purpose share segments: `a/kalshi-book-17#3` is of the group `kalshi-book`. What a file
 * name should not hold becomes an underscore.
 */
export function connectionGroup(connection: string): string {
  const group = connection
    .replace(/#.*$/, '')
    .replace(/^.*\//, '')
    .replace(/-\d+$/, '')
    .replace(/[^A-Za-z0-9._-]/g, '_');
  return group === '' ? '_' : group;
}

/** File name of a finished segment. */
export function segmentFileName(name: SegmentName): string {
  return `${name.group}-${name.start}-${name.epoch.replace(/[^A-Za-z0-9._]/g, '_')}${SEGMENT_EXTENSION}`;
}

/** Null when the file name is not a finished segment's. */
export function parseSegmentFileName(file: string): SegmentName | null {
  const match = NAME.exec(file);
  if (match === null) return null;
  return { group: match[1]!, start: Number(match[2]) as Micros, epoch: match[3]! };
}

/** Key in the object store: by venue, gatherer, and the UTC date and hour in which the segment begins. */
export function segmentKey(venue: Venue, gatherer: Gatherer, name: SegmentName): string {
  const time = formatRfc3339(name.start);
  const [date, hour] = [time.slice(0, 10), time.slice(11, 13)];
  return `raw/venue=${venue}/gatherer=${gatherer}/date=${date}/hour=${hour}/${segmentFileName(name)}`;
}
