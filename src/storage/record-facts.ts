import type { TimeSpan } from '../events/captured.ts';
import { type ReadEnd, readEnd } from './delivered-end.ts';
import { type DeliveredRecord, eachLine, wholeRecord } from './stream-records.ts';

/** What the readable lines of a record tell of one that cannot be read. */
export interface RecordFacts {
  /** Null when the record does not say where it ends: it is part of one, or no record of a gatherer. */
  readonly end: ReadEnd | null;
  /** Whether a line that says nothing of itself may be a gap. */
  readonly mayHideGap: boolean;
  /** Times within which every event of the record lies; null when it has none, absent where that is not known. */
  readonly events?: TimeSpan | null;
}

/** Reads what is left of a record. */
export function factsOf(record: DeliveredRecord): RecordFacts {
  let end: ReadEnd | null = null;
  let gaps = 0;
  eachLine(wholeRecord(record), (text) => {
    try {
      const line = JSON.parse(text ?? '') as Readonly<Record<string, unknown>> | null;
      if (line?.['kind'] === 'record_end') end = readEnd(line);
      else if (line?.['kind'] === 'gap') gaps++;
    } catch {
      // One of those that tell nothing.
    }
  });
  const found = end as ReadEnd | null;
  // The last part of a record that went in several has not all of its lines.
  if (found === null || found.split || found.gaps === null) return { end: found, mayHideGap: true };
  return {
    end: found,
    mayHideGap: gaps < found.gaps,
    ...(found.events === undefined ? {} : { events: found.events }),
  };
}
