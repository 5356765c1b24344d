import type { CapturedEvent, StreamLine } from '../events/captured.ts';
import type { GapEvent } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

type GapLine = GapEvent & CapturedEvent;
type EventLine = Exclude<CapturedEvent, { kind: 'gap' }>;

/** Times that an event bears, whichever of them can be read. */
function timesOf(line: EventLine): number[] {
  const times: unknown[] = [line.received_at, line.exchange_ts];
  if (line.kind === 'book_snapshot') times.push(line.snapshot_ts);
  return times.filter((time): time is number => Number.isSafeInteger(time));
}

function instrumentsOf(line: EventLine): readonly string[] {
  const named: unknown = line.kind === 'lifecycle' ? line.instruments : [line.instrument];
  const all = Array.isArray(named) && named.every((instrument) => typeof instrument === 'string');
  return all ? named : [];
}

const micros = (value: unknown): Micros | null =>
  typeof value === 'number' && Number.isSafeInteger(value) ? (value as Micros) : null;

/** The same gap for each half of its instruments; for everything when it names a single one. */
function widened(gap: GapLine): GapLine[] {
  const { instruments, all, ...rest } = gap;
  if (all === true) return [];
  if (instruments === undefined || instruments.length < 2) {
    return [{ ...rest, from: micros(gap.from) ?? (0 as Micros), to: micros(gap.to), all: true }];
  }
  const middle = instruments.length >> 1;
  return [
    { ...rest, instruments: instruments.slice(0, middle) },
    { ...rest, instruments: instruments.slice(middle) },
  ];
}

/**
 * What goes into the stream in place of a line that cannot: for an event a gap of its instruments at its time, so
 * that the line no longer vouches for what it lost; for a gap the same gap in parts, or a wider one; for a market
 * its entry without the venue's details. Nothing for what nobody relies on.
 *
 * @param id names the loss, the same way in no other life.
 * @param now stands in for a time that the line does not have.
 */
export function inPlaceOf(line: StreamLine, id: string, now: Micros): StreamLine[] {
  switch (line.kind) {
    case 'heartbeat':
    case 'book_metrics':
      return [];
    case 'market':
      return Object.keys(line.details ?? {}).length === 0 ? [] : [{ ...line, details: {} }];
    case 'gap':
      return widened(line);
    default: {
      const times = timesOf(line);
      if (times.length === 0) times.push(now);
      const instruments = instrumentsOf(line);
      const gap = {
        kind: 'gap',
        venue: line.venue,
        // No life is called so: the gap is not taken for one with which a life begins.
        gap_id: `${line.gatherer}:not-sent:${id}`,
        from: Math.min(...times) as Micros,
        to: (Math.max(...times) + 1) as Micros,
        cause: 'not_sent',
        received_at: now,
        gatherer: line.gatherer,
        connection: '',
        sid: 0,
        seq: 0,
        quality: 0,
      } as const;
      return [instruments.length > 0 ? { ...gap, instruments } : { ...gap, all: true }];
    }
  }
}
