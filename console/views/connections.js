import { element, panel, segments, setText, table } from '../dom.js';
import { count, duration, timeOfDay } from '../format.js';

/** Of microseconds. */
const age = (micros) => (micros === null || micros === undefined ? '' : duration(micros / 1_000_000));

const columns = [
  { title: 'line', cell: ({ line }) => element('span', { className: `line-name line-${line}` }, line) },
  { title: 'venue', cell: ({ venue }) => venue },
  { title: 'connection', className: 'code', cell: ({ name }) => name },
  {
    title: 'state',
    cell: ({ state }) => element('span', { className: state === 'open' ? 'good' : 'warn' }, state),
  },
  {
    title: 'instruments',
    className: 'number',
    cell: ({ instruments: of }) => (of?.subscribed ? `${count(of.seeded)} / ${count(of.subscribed)}` : ''),
  },
  { title: 'frames', className: 'number', cell: ({ frames }) => count(frames) },
  { title: 'last data', className: 'number', cell: ({ last_data_age }) => age(last_data_age) },
  { title: 'message age', className: 'number', cell: ({ message_age }) => age(message_age) },
  {
    title: 'reconnects',
    className: 'number',
    cell: ({ reconnects }) => element('span', { className: reconnects > 0 ? 'warn' : '' }, count(reconnects)),
  },
  {
    title: 'last close',
    className: 'wide',
    cell: ({ last_close }) =>
      last_close === null ? '' : `${timeOfDay(last_close.at, 0)} ${last_close.code} ${last_close.reason}`,
  },
];

/** Every connection of every line. */
export function showConnections({ main }) {
  const summary = element('span', { className: 'muted' });
  const shown = panel('Connections', '');
  let only = 'all';
  let latest = null;
  const list = table(columns, { label: 'Connections', most: 2_000, empty: 'no connection is known' });
  const show = () => {
    if (latest === null) return;
    const all = Object.entries(latest.lines).flatMap(([line, status]) =>
      (status?.connections ?? []).map((connection) => ({ line, ...connection })),
    );
    const open = all.filter(({ state }) => state === 'open').length;
    setText(summary, `${count(open)} of ${count(all.length)} are open`);
    const isChosen = ({ state, reconnects, line }) =>
      only === 'all' || (only === 'restless' ? reconnects > 0 || state !== 'open' : line === only);
    list.show(all.filter(isChosen).sort((left, right) => right.reconnects - left.reconnects || 0));
  };
  shown.beside.append(
    segments(
      'Which connections',
      [
        ['all', 'all'],
        ['restless', 'restless'],
        ['a', 'line a'],
        ['b', 'line b'],
        ['c', 'line c'],
      ],
      only,
      (value) => {
        only = value;
        show();
      },
    ),
  );
  shown.node.append(list.node);
  main.append(element('div', { className: 'title' }, element('h1', {}, 'Connections'), summary), shown.node);
  return {
    onReport(report) {
      latest = report;
      show();
    },
  };
}
