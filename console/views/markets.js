import { get } from '../api.js';
import { element, panel, setText, table } from '../dom.js';
import { dayAndTime } from '../format.js';
import { instrumentLink } from '../links.js';

const PAGE = 50;

const columns = [
  { title: 'venue', cell: ({ venue }) => venue },
  {
    title: 'market',
    className: 'wide',
    cell: ({ title, market }) => element('span', { title: market }, title),
  },
  { title: 'status', cell: ({ status }) => status },
  { title: 'closes, UTC', cell: ({ close_ts }) => (close_ts === null ? '' : dayAndTime(close_ts)) },
  {
    title: 'instruments',
    cell: ({ venue, instruments }) =>
      element(
        'span',
        { className: 'row' },
        ...instruments.map(({ instrument, outcome }) =>
          instrumentLink(venue, instrument, venue === 'kalshi' ? instrument : outcome),
        ),
      ),
  },
];

/** Search over all markets that the lines know. */
export function showMarkets({ main, query }) {
  const control = new AbortController();
  const shown = panel('Search', '');
  const words = element('input', { type: 'search', id: 'words', value: query.get('words') ?? '' });
  const venue = element(
    'select',
    { id: 'venue' },
    ...[
      ['', 'both venues'],
      ['kalshi', 'kalshi'],
      ['polymarket', 'polymarket'],
    ].map(([value, text]) => element('option', { value }, text)),
  );
  venue.value = query.get('venue') ?? '';
  const status = element('input', {
    id: 'status',
    value: query.get('status') ?? '',
    placeholder: 'any',
    size: 10,
  });
  const labelled = (text, input) => element('label', { htmlFor: input.id }, `${text} `, input);
  const form = element(
    'form',
    { className: 'row' },
    element('label', { htmlFor: 'words', className: 'hidden' }, 'Words of the title'),
    element('span', { className: 'grow' }, words),
    labelled('Venue', venue),
    labelled('Status', status),
    element('button', { type: 'submit' }, 'Search'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const asked = new URLSearchParams({ words: words.value, venue: venue.value, status: status.value });
    location.hash = `#/markets?${asked}`;
  });
  const said = element('span', { className: 'muted', role: 'status' }, 'searching');
  const list = table(columns, { label: 'Markets', most: 1_000, empty: 'no market has such words' });
  const more = element('button', { type: 'button', hidden: true }, 'More');
  shown.beside.append(said);
  shown.node.append(form, list.node, more);
  main.append(element('div', { className: 'title' }, element('h1', {}, 'Markets')), shown.node);
  const rows = [];
  let next;
  const load = async () => {
    try {
      const asked = {
        words: words.value.trim(),
        venue: venue.value,
        status: status.value,
        limit: PAGE,
        cursor: next,
      };
      const page = await get('/v1/markets', asked, control.signal);
      rows.push(...page.data);
      next = page.next ?? undefined;
      list.show(rows);
      more.hidden = page.next === null;
      setText(said, `${rows.length}${page.next === null ? '' : ' and more'}`);
    } catch (error) {
      if (!control.signal.aborted) setText(said, error.message);
    }
  };
  more.addEventListener('click', load);
  void load();
  return { leave: () => control.abort() };
}
