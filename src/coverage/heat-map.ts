import { MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { type CoverageMinute, linesIn } from './minutes.ts';

/** Of one instrument in one stretch of time; null where nothing is to be said of it. */
export interface HeatCell {
  /** Lines that prove the worst minute of the stretch. */
  readonly proving: number;
  /** Share of the told minutes that lies in gaps of the tape, 0 to 1. */
  readonly inGap: number;
  readonly isPending: boolean;
  readonly events: number;
}

export interface HeatRow {
  readonly venue: string;
  readonly instrument: string;
  readonly events: number;
  readonly cells: readonly (HeatCell | null)[];
}

export interface HeatMap {
  readonly from: Micros;
  /** Width of a column, microseconds. */
  readonly step: number;
  readonly columns: number;
  /** The busiest first. */
  readonly rows: readonly HeatRow[];
  /** Instruments that did not fit. */
  readonly leftOut: number;
}

interface OpenCell {
  proving: number;
  inGap: number;
  minutes: number;
  isPending: boolean;
  events: number;
}

/**
 * Coverage as a picture: a row for an instrument, a column for as many minutes as make the span fit. Keeps the rows of
 * the busiest instruments, and of those in gaps among the quiet ones, so that its memory is bounded.
 *
 * @param minutes by instrument, as `coverageMinutes` gives them
 */
export async function heatMap(
  minutes: AsyncIterable<CoverageMinute>,
  span: { readonly from: Micros; readonly to: Micros },
  size: { readonly columns: number; readonly rows: number },
): Promise<HeatMap> {
  const from = (Math.floor(span.from / MICROS_PER_MINUTE) * MICROS_PER_MINUTE) as Micros;
  const count = Math.max(1, Math.ceil((span.to - from) / MICROS_PER_MINUTE));
  const perColumn = Math.ceil(count / size.columns);
  const step = perColumn * MICROS_PER_MINUTE;
  const columns = Math.ceil(count / perColumn);
  let rows: HeatRow[] = [];
  let seen = 0;
  let open: { venue: string; instrument: string; events: number; cells: (OpenCell | null)[] } | null = null;
  const shrink = (): void => {
    rows = rows.sort(byActivity).slice(0, size.rows);
  };
  const close = (): void => {
    if (open === null) return;
    rows.push({ ...open, cells: open.cells.map(finished) });
    if (rows.length >= 2 * size.rows) shrink();
  };
  for await (const minute of minutes) {
    const { venue, instrument, events } = minute;
    if (open === null || open.venue !== venue || open.instrument !== instrument) {
      close();
      seen++;
      open = { venue, instrument, events: 0, cells: Array.from({ length: columns }, () => null) };
    }
    open.events += events;
    const column = Math.floor((minute.minute - from) / step);
    if (column < 0 || column >= columns) continue;
    open.cells[column] ??= { proving: 3, inGap: 0, minutes: 0, isPending: false, events: 0 };
    const cell = open.cells[column];
    cell.proving = Math.min(cell.proving, linesIn(minute, 'proven').length);
    cell.inGap += minute.inGap;
    cell.minutes++;
    cell.isPending ||= minute.tape === 'pending';
    cell.events += events;
  }
  close();
  shrink();
  return { from, step, columns, rows, leftOut: seen - rows.length };
}

function byActivity(left: HeatRow, right: HeatRow): number {
  return right.events - left.events || (left.instrument < right.instrument ? -1 : 1);
}

function finished(cell: OpenCell | null): HeatCell | null {
  if (cell === null) return null;
  const { proving, inGap, minutes, isPending, events } = cell;
  return { proving, inGap: inGap / (minutes * MICROS_PER_MINUTE), isPending, events };
}
