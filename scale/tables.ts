import { markdownTable } from '../bench/report.ts';
import type { GrowthRow } from './growth/growth.ts';
import type { InstrumentsRow } from './instruments.ts';
import type { LoadRow } from './load.ts';

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const tenth = (value: number | null): string => (value === null ? '' : value.toFixed(1));

/** As they are printed, and stand in docs/scaling.md. */
export function instrumentsTable(rows: readonly InstrumentsRow[]): string {
  const head = [
    'instruments',
    'connections',
    'listed, s',
    'every book proven, s',
    'memory at most, MiB',
    'settled, MiB',
    'heap bytes each',
    'CPU, s',
    'CPU µs each',
  ];
  const cells = rows.map((row) => [
    row.instruments.toLocaleString('en-US'),
    String(row.connections),
    tenth(row.listed_seconds),
    tenth(row.subscribed_seconds),
    mebibytes(row.peak_bytes),
    mebibytes(row.settled_bytes),
    String(row.bytes_per_instrument),
    tenth(row.cpu_seconds),
    String(row.cpu_micros_per_instrument),
  ]);
  return markdownTable(head, cells);
}

export function loadTable(rows: readonly LoadRow[]): string {
  const head = [
    'run',
    'asked, messages/s',
    'made, messages/s',
    'messages',
    'behind, s',
    'frame to stream p50, p99, ms',
    'event loop p99, max, ms',
    'memory before, thirds, most, after, MiB',
    'CPU µs a message',
    'spilled',
    'gaps',
    'stream is the truth',
  ];
  const cells = rows.map((row) => [
    row.name,
    row.asked_rate.toLocaleString('en-US'),
    row.made_rate.toLocaleString('en-US'),
    row.messages.toLocaleString('en-US'),
    tenth(row.behind_seconds),
    `${tenth(row.frame_to_stream_p50_ms)}, ${tenth(row.frame_to_stream_p99_ms)}`,
    `${tenth(row.event_loop_p99_ms)}, ${tenth(row.event_loop_max_ms)}`,
    [row.memory_before_mib, row.memory_thirds_mib.join(' '), row.memory_peak_mib, row.memory_after_mib].join(
      ', ',
    ),
    tenth(row.cpu_micros_per_message),
    String(row.spilled_records),
    String(row.gaps_opened),
    row.is_true
      ? `yes, ${row.events_made.toLocaleString('en-US')} events`
      : `**no**, ${row.events_in_stream} of ${row.events_made}`,
  ]);
  return markdownTable(head, cells);
}

export function growthTable(rows: readonly GrowthRow[]): string {
  const head = [
    'changes on the tape',
    'days',
    'book at T, CPU ms',
    'on the wall p50, p99, ms',
    'changes of an hour, CPU ms',
    'trades of a day, CPU ms',
    'candles of a day, CPU ms',
    'merge, CPU µs a row',
    'all lines down, CPU ms',
    'audit, CPU µs a row',
  ];
  const cells = rows.map((row) => [
    row.rows.toLocaleString('en-US'),
    String(row.days),
    row.book_cpu_ms.toFixed(2),
    `${tenth(row.book_p50_ms)}, ${tenth(row.book_p99_ms)}`,
    row.changes_of_an_hour_cpu_ms.toFixed(2),
    row.trades_of_a_day_cpu_ms?.toFixed(2) ?? '–',
    row.candles_of_a_day_cpu_ms?.toFixed(2) ?? '–',
    tenth(row.merge_cpu_micros_per_row),
    Math.round(row.lines_down_cpu_ms).toLocaleString('en-US'),
    tenth(row.audit_cpu_micros_per_row),
  ]);
  return markdownTable(head, cells);
}
