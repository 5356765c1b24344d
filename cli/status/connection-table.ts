import type { ConnectionStatus } from '#src/status/line-status.ts';

const number = new Intl.NumberFormat('en-US');
const HEADINGS = [
  'connection',
  'state',
  'books',
  'frames',
  'last data',
  'delay',
  'reconnects',
  'last closed',
];
/** Columns of words; the others are of figures. */
const WORDS: ReadonlySet<number> = new Set([0, 1, 7]);

function cells(connection: ConnectionStatus): string[] {
  const { name, state, instruments, frames, last_data_age, message_age, reconnects, last_close } = connection;
  return [
    name,
    state,
    instruments.requested === 0
      ? '-'
      : `${number.format(instruments.seeded)}/${number.format(instruments.requested)}`,
    number.format(frames),
    last_data_age === null ? '-' : `${(last_data_age / 1e6).toFixed(1)} s`,
    message_age === null ? '-' : `${(message_age / 1e3).toFixed(1)} ms`,
    number.format(reconnects),
    last_close === null
      ? '-'
      : `${new Date(last_close.at / 1e3).toISOString()} ${last_close.code} ${last_close.reason}`.trimEnd(),
  ];
}

/** The connections of a line for a person, one in a row below the headings. */
export function connectionTable(connections: readonly ConnectionStatus[]): string[] {
  const rows = [HEADINGS, ...connections.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((text, column) =>
        WORDS.has(column) ? text.padEnd(widths[column]!) : text.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}
