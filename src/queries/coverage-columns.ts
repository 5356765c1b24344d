import type { CoverageHour } from '../coverage/hours.ts';
import type { CoverageMinute, LineMinute } from '../coverage/minutes.ts';
import { formatRfc3339 } from '../units/time.ts';
import type { OutputColumn } from './output-column.ts';

const LINES = ['a', 'b', 'c'] as const;
const TIME = 'microseconds since the epoch';

const lineText = ({ state, events, causes }: LineMinute): string =>
  `${state} ${events}${causes.length === 0 ? '' : ` (${causes.join(', ')})`}`;

/** As a table shows them, with what a line says in one cell. */
export const minuteColumns: readonly OutputColumn<CoverageMinute>[] = [
  { name: 'venue', value: (row) => row.venue },
  { name: 'instrument', value: (row) => row.instrument },
  {
    name: 'minute',
    type: 'bigint',
    about: TIME,
    value: (row) => row.minute,
    text: (row) => formatRfc3339(row.minute).slice(0, 16).replace('T', ' '),
  },
  { name: 'tape', about: 'proven, partly, gap or pending', value: (row) => row.tape },
  { name: 'events', type: 'integer', value: (row) => row.events },
  {
    name: 'in_gap',
    type: 'bigint',
    about: 'microseconds of the minute',
    value: (row) => row.inGap,
    text: (row) => (row.inGap === 0 ? '-' : `${(row.inGap / 1_000_000).toFixed(1)} s`),
  },
  ...LINES.map(
    (line): OutputColumn<CoverageMinute> => ({
      name: line,
      about: 'proven, partly, unproven or down',
      value: ({ lines }) => lines[line].state,
      text: ({ lines }) => lineText(lines[line]),
    }),
  ),
];

/** For programs: what the table puts into one cell stands in columns of its own. */
export const minuteColumnsForPrograms: readonly OutputColumn<CoverageMinute>[] = [
  ...minuteColumns,
  ...LINES.flatMap((line): OutputColumn<CoverageMinute>[] => [
    { name: `events_${line}`, type: 'integer', value: ({ lines }) => lines[line].events },
    { name: `causes_${line}`, type: 'text[]', value: ({ lines }) => lines[line].causes },
  ]),
];

export const hourColumns: readonly OutputColumn<CoverageHour>[] = [
  { name: 'venue', value: (row) => row.venue },
  { name: 'market', value: (row) => row.market },
  {
    name: 'hour',
    type: 'bigint',
    about: TIME,
    value: (row) => row.hour,
    text: (row) => formatRfc3339(row.hour).slice(0, 13).replace('T', ' '),
  },
  { name: 'condition', about: 'available, degraded, pending or missing', value: (row) => row.condition },
];
