import { follow } from './api.js';
import { element, setText } from './dom.js';
import { History } from './history.js';
import { showCompleteness } from './views/completeness.js';
import { showConnections } from './views/connections.js';
import { showInstrument } from './views/instrument.js';
import { showMarkets } from './views/markets.js';
import { showOverview } from './views/overview.js';

const pages = {
  overview: showOverview,
  connections: showConnections,
  completeness: showCompleteness,
  markets: showMarkets,
  instrument: showInstrument,
};

const main = document.getElementById('main');
const health = document.getElementById('health');
const find = document.getElementById('find');
const words = document.getElementById('find-words');

/** The status as it was told last, and how it went; kept over all pages, in rings. */
const history = new History();
let leave = null;
let listener = null;

function showHealth(report, error) {
  const state = error
    ? ['warn', 'no answer']
    : report.health.ok
      ? ['good', 'healthy']
      : ['bad', 'not healthy'];
  health.className = `pill ${state[0]}`;
  setText(health, state[1]);
  health.title = error ? error.message : report.health.reasons.join('\n');
}

follow(
  '/v1/live',
  {},
  {
    onEvent(report) {
      history.add(report);
      showHealth(report, null);
      listener?.(report);
    },
    onState(error) {
      if (error) showHealth(null, error);
    },
  },
);

/** The page that the address means: `#/instrument/kalshi/TICKER?at=…`. */
function route() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/');
  const page = Object.hasOwn(pages, name) ? name : 'overview';
  return { page, rest: rest.map(decodeURIComponent), query: new URLSearchParams(query) };
}

function go() {
  const { page, rest, query } = route();
  leave?.();
  listener = null;
  const title = page[0].toUpperCase() + page.slice(1);
  document.title = `${title} · prediction-tape`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.page === page) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  main.replaceChildren();
  try {
    const view = pages[page]({ main, rest, query, history });
    leave = view.leave ?? null;
    listener = view.onReport ?? null;
    if (history.latest !== null) listener?.(history.latest);
  } catch (error) {
    leave = null;
    main.replaceChildren(element('p', { className: 'bad' }, `this page cannot be shown: ${error.message}`));
  }
}

let arrived = false;
addEventListener('hashchange', () => {
  go();
  // Whoever follows a link by keyboard goes on from the new page, not from where the link was.
  if (arrived) main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
find.addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = `#/markets?words=${encodeURIComponent(words.value)}`;
});
addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    words.focus();
  }
});
const clock = document.getElementById('clock');
setInterval(() => setText(clock, `${new Date().toISOString().slice(11, 19)} UTC`), 1_000);
go();
arrived = true;
