import type { CoverageHour } from '../coverage/hours.ts';
import type { CoverageMinute, LineMinute } from '../coverage/minutes.ts';
import { formatRfc3339 } from '../units/time.ts';
import type { OutputColumn } from './output-column.ts';

type Line = keyof CoverageMinute['lines'];
const TIME = 'microseconds since the epoch';

const lineText = ({ state, events, causes }: LineMinute): string =>
  `${state} ${events}${causes.length === 0 ? '' : ` (${causes.join(', ')})`}`;

const stateOf = <Name extends Line>(line: Name) => ({
  name: line,
  about: 'proven, partly, unproven or down',
  value: ({ lines }: CoverageMinute) => lines[line].state,
  text: ({ lines }: CoverageMinute) => lineText(lines[line]),
});

const partsOf = <Name extends Line>(line: Name) =>
  [
    {
      name: `events_${line}` as const,
      type: 'integer',
      value: ({ lines }: CoverageMinute) => lines[line].events,
    },
    {
      name: `causes_${line}` as const,
      type: 'text[]',
      value: ({ lines }: CoverageMinute) => lines[line].causes,
    },
  ] as const;

/** As a table shows them, with what a line says in one cell. */
export const minuteColumns = [
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
  stateOf('a'),
  stateOf('b'),
  stateOf('c'),
] as const satisfies readonly OutputColumn<CoverageMinute>[];

/** For programs: what the table puts into one cell stands in columns of its own. */
export const minuteColumnsForPrograms = [
  ...minuteColumns,
  ...partsOf('a'),
  ...partsOf('b'),
  ...partsOf('c'),
] as const satisfies readonly OutputColumn<CoverageMinute>[];

export const hourColumns = [
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
] as const satisfies readonly OutputColumn<CoverageHour>[];
