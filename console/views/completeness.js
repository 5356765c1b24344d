import { get } from '../api.js';
import { element, panel, segments, setText, table } from '../dom.js';
import { count, dayAndTime, timeOfDay } from '../format.js';
import { instrumentLink } from '../links.js';

const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const CONDITIONS = ['available', 'degraded', 'missing', 'pending'];
const AGAIN_MILLIS = 30_000;

/** The worst that more than nothing is in, and what is written into the cell: how much of it is available. */
function verdict(counts) {
  const settled = counts.available + counts.degraded + counts.missing;
  if (settled === 0) return { worst: 'pending', text: '…' };
  const percent = Math.floor((counts.available / settled) * 100);
  const worst = counts.missing > 0 ? 'missing' : counts.degraded > 0 ? 'degraded' : 'available';
  return { worst, text: String(percent) };
}

const inWords = (counts) =>
  CONDITIONS.filter((condition) => counts[condition] > 0)
    .map((condition) => `${count(counts[condition])} ${condition}`)
    .join(', ');

/** What a stretch of minutes of the map is to the eye. */
export function stateOfCell(cell) {
  if (cell === null) return '';
  if (cell.isPending) return 'pending';
  if (cell.inGap >= 1) return 'missing';
  return cell.inGap > 0 ? 'degraded' : 'available';
}

export const legend = () =>
  element(
    'p',
    { className: 'legend' },
    ...[
      ['available', 'proven'],
      ['degraded', 'partly in a gap'],
      ['missing', 'no line can prove it'],
      ['pending', 'not settled yet'],
    ].map(([state, text]) => element('span', {}, element('i', { className: state }), text)),
  );

/** Completeness by venue and hour, and down to the minutes of its instruments. */
export function showCompleteness({ main, query }) {
  const control = new AbortController();
  const hours = panel('By venue and hour', '');
  const grid = element('div', {
    className: 'scroll',
    tabIndex: 0,
    role: 'region',
    'aria-label': 'Completeness by venue and hour',
  });
  const said = element('p', { className: 'muted', role: 'status' }, 'loading');
  const down = element('div', { className: 'panel', hidden: true });
  let span = 24;
  let chosen = query.has('hour') ? { venue: query.get('venue'), hour: Number(query.get('hour')) } : null;

  async function load() {
    try {
      const now = Date.now() * 1_000;
      const { data } = await get(
        '/v1/coverage/conditions',
        { from: now - span * HOUR, to: now },
        control.signal,
      );
      if (chosen === null && data.length > 0) {
        const { venue, hour } = data.reduce((latest, next) => (next.hour > latest.hour ? next : latest));
        chosen = { venue, hour };
        void showHour();
      }
      draw(data, now);
      setText(said, data.length === 0 ? 'nothing has been merged in this span' : '');
    } catch (error) {
      if (!control.signal.aborted) setText(said, error.message);
    }
  }

  function draw(data, now) {
    const focused = document.activeElement?.dataset?.cell;
    const columns = Array.from(
      { length: span },
      (_, index) => (Math.floor(now / HOUR) - span + 1 + index) * HOUR,
    );
    const counts = new Map();
    for (const { venue, hour, condition, markets } of data) {
      const key = `${venue} ${hour}`;
      if (!counts.has(key)) counts.set(key, { available: 0, degraded: 0, missing: 0, pending: 0 });
      counts.get(key)[condition] += markets;
    }
    const venues = [...new Set(data.map(({ venue }) => venue))];
    const head = element('tr', {}, element('th', {}, element('span', { className: 'hidden' }, 'venue')));
    for (const hour of columns)
      head.append(
        element(
          'th',
          { scope: 'col' },
          element('span', { title: dayAndTime(hour) }, timeOfDay(hour, 0).slice(0, 5)),
        ),
      );
    const rows = venues.map((venue) => {
      const row = element('tr', {}, element('th', { scope: 'row' }, venue));
      for (const hour of columns) {
        const known = counts.get(`${venue} ${hour}`);
        row.append(
          element('td', { className: known === undefined ? 'nothing' : '' }, cell(venue, hour, known)),
        );
      }
      return row;
    });
    grid.replaceChildren(
      element('table', { className: 'heat' }, element('thead', {}, head), element('tbody', {}, ...rows)),
    );
    if (focused !== undefined) grid.querySelector(`[data-cell="${focused}"]`)?.focus();
    else grid.scrollLeft = grid.scrollWidth;
  }

  function cell(venue, hour, counts) {
    if (counts === undefined) return null;
    const { worst, text } = verdict(counts);
    const isChosen = chosen !== null && chosen.venue === venue && chosen.hour === hour;
    const words = `${venue}, ${dayAndTime(hour).slice(0, 16)}: ${inWords(counts)}`;
    return element(
      'button',
      {
        type: 'button',
        className: worst,
        title: words,
        'aria-label': words,
        'aria-pressed': String(isChosen),
        'data-cell': `${venue} ${hour}`,
        onclick: () => {
          chosen = { venue, hour };
          for (const other of grid.querySelectorAll('button'))
            other.setAttribute('aria-pressed', String(other.dataset.cell === `${venue} ${hour}`));
          void showHour();
        },
      },
      text,
    );
  }

  /** Minutes of the busiest instruments, and the markets that lack something. */
  async function showHour() {
    const { venue, hour } = chosen;
    const title = `${venue}, ${dayAndTime(hour).slice(0, 16)} UTC`;
    down.hidden = false;
    down.setAttribute('aria-label', title);
    const status = element('p', { className: 'muted', role: 'status' }, 'loading the minutes');
    const minutes = element('div', {
      className: 'scroll high',
      tabIndex: 0,
      role: 'region',
      'aria-label': 'Minutes of the busiest instruments',
    });
    const markets = table(
      [
        {
          title: 'market',
          className: 'code',
          cell: ({ market, venue: of }) => element('a', { href: `#/markets?venue=${of}&words=` }, market),
        },
        { title: 'condition', cell: ({ condition }) => condition },
      ],
      {
        label: 'Markets that lack something',
        empty: 'no market of this hour is known to lack anything',
        most: 500,
      },
    );
    markets.node.classList.add('high');
    down.replaceChildren(
      element('header', {}, element('h2', {}, title)),
      legend(),
      status,
      minutes,
      element('h2', {}, 'Markets that lack something'),
      markets.node,
    );
    try {
      const asked = { venue, from: hour, to: Math.min(hour + HOUR, Date.now() * 1_000) };
      const [map, missing, degraded] = await Promise.all([
        get('/v1/coverage/map', { ...asked, columns: 60 }, control.signal),
        get('/v1/coverage/hours', { ...asked, condition: 'missing', limit: 250 }, control.signal),
        get('/v1/coverage/hours', { ...asked, condition: 'degraded', limit: 250 }, control.signal),
      ]);
      const isOfHour = (row) => row.hour === hour;
      markets.show([...missing.data, ...degraded.data].filter(isOfHour));
      setText(
        status,
        map.rows.length === 0 ? 'no instrument had an event' : 'the busiest instruments, minute by minute',
      );
      minutes.replaceChildren(minuteTable(map));
    } catch (error) {
      if (!control.signal.aborted) setText(status, error.message);
    }
  }

  hours.beside.append(
    segments(
      'Span',
      [
        [24, '24 hours'],
        [72, '3 days'],
        [168, '7 days'],
      ],
      span,
      (value) => {
        span = value;
        void load();
      },
    ),
  );
  hours.node.append(legend(), grid, said);
  main.append(element('div', { className: 'title' }, element('h1', {}, 'Completeness')), hours.node, down);
  void load();
  if (chosen !== null) void showHour();
  const timer = setInterval(load, AGAIN_MILLIS);
  return {
    leave() {
      clearInterval(timer);
      control.abort();
    },
  };
}

/** A row of minutes for each instrument of a map. */
export function minuteTable(map) {
  const rows = map.rows.map(({ venue, instrument, events, cells }) => {
    const states = cells.map(stateOfCell);
    const strip = element('span', { className: 'strip', 'aria-hidden': 'true' });
    for (const [index, state] of states.entries()) {
      const at = map.from + index * map.step;
      const cell = cells[index];
      const told =
        cell === null
          ? 'nothing happened'
          : `${count(cell.events)} events, ${cell.proving} of 3 lines prove it`;
      strip.append(element('i', { className: state, title: `${timeOfDay(at, 0)} ${told}` }));
    }
    const lacking = states.filter((state) => state === 'missing' || state === 'degraded').length;
    const words = lacking === 0 ? 'nothing in gaps' : `${lacking} of ${states.length} in gaps`;
    return element(
      'tr',
      {},
      element('td', {}, instrumentLink(venue, instrument)),
      element('td', { className: 'fill' }, strip, element('span', { className: 'hidden' }, words)),
      element('td', { className: 'number' }, count(events)),
    );
  });
  const head = [
    'instrument',
    `from ${timeOfDay(map.from, 0).slice(0, 5)}, each ${Math.round(map.step / MINUTE)} min`,
    'events',
  ];
  return element(
    'table',
    {},
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...head.map((title) =>
          element('th', { scope: 'col', className: title === 'events' ? 'number' : '' }, title),
        ),
      ),
    ),
    element('tbody', {}, ...rows),
  );
}
