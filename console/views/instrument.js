import { follow, get, getRows } from '../api.js';
import { element, panel, segments, setText, table } from '../dom.js';
import { brief, contracts, count, dayAndTime, dollars, duration, shortId, timeOfDay } from '../format.js';
import { candlePlot, depthPlot } from '../plot.js';
import { legend, minuteTable } from './completeness.js';
import { ladder } from './ladder.js';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Spans to look at, with the width of their candles. */
const SPANS = {
  '15m': [15 * MINUTE, '1m'],
  '1h': [HOUR, '1m'],
  '6h': [6 * HOUR, '5m'],
  '2d': [48 * HOUR, '1h'],
};
const WIDTHS = { '1m': 60, '5m': 300, '1h': 3_600 };
const AGAIN_MILLIS = 10_000;
/** A slider that is being moved asks for a book only when it rests so long. */
const REST_MILLIS = 120;
/** The present is told every second: what was told so long ago says nothing of it any more. */
const LATE_MILLIS = 5_000;
const DEPTH = 50;
const TRADES = 50;

const tradeColumns = [
  { title: 'time, UTC', className: 'code', cell: ({ exchange_ts }) => timeOfDay(exchange_ts) },
  {
    title: 'price',
    className: 'number code',
    cell: ({ price, taker_side }) =>
      element(
        'span',
        { className: taker_side === 'buy' ? 'bid' : taker_side === 'sell' ? 'ask' : '' },
        dollars(price),
      ),
  },
  { title: 'size', className: 'number code', cell: ({ size }) => contracts(size) },
  { title: 'taker', cell: ({ taker_side }) => taker_side ?? '' },
  {
    title: 'lines',
    cell: ({ lines }) => ['a', 'b', 'c'].filter((_, index) => lines & (1 << index)).join(''),
  },
];
const gapColumns = [
  { title: 'from, UTC', cell: ({ from }) => (from === 0 ? 'the beginning' : dayAndTime(from)) },
  { title: 'to', cell: ({ to }) => (to === null ? 'open' : dayAndTime(to)) },
  { title: 'of', cell: ({ instrument }) => (instrument === '*' ? 'the venue' : 'this') },
  {
    title: 'why',
    className: 'wide',
    cell: ({ causes, cause }) => (causes.length === 0 ? cause : causes.join(', ')),
  },
];

/** Levels added up from the best outwards, as the plot takes them: prices, bids, asks. */
function depthColumns({ bids, asks }) {
  const points = new Map();
  for (const [index, levels] of [bids, asks].entries()) {
    let sum = 0;
    for (const [price, size] of levels) {
      sum += size;
      if (!points.has(price)) points.set(price, [null, null]);
      points.get(price)[index] = sum;
    }
  }
  const prices = [...points.keys()].sort((left, right) => left - right);
  return [prices, prices.map((price) => points.get(price)[0]), prices.map((price) => points.get(price)[1])];
}

const best = (levels) =>
  levels.length === 0 ? 'none' : `${dollars(levels[0][0])} for ${contracts(levels[0][1])}`;

/** One instrument: its book now or at any time, depth, candles, trades and gaps. */
export function showInstrument({ main, rest, query }) {
  const [venue, instrument] = rest;
  const control = new AbortController();
  const subject = { venue, instrument };
  const title = element('h1', {}, shortId(instrument));
  const about = element('span', { className: 'muted' });
  const certain = element('span', { className: 'pill', role: 'status' }, 'loading');

  const book = panel('Book', '');
  const steps = ladder();
  book.node.append(steps.node);
  const depth = panel('Depth', '');
  const depthChart = depthPlot(dollars, (value) => brief(value / SECOND));
  depth.node.append(depthChart.node);
  const candles = panel('Candles', '');
  const candleChart = candlePlot(dollars);
  candles.node.append(candleChart.node);
  const trades = panel('Trades', '');
  const tradeTable = table(tradeColumns, {
    label: 'Trades',
    most: TRADES,
    empty: 'no trade in the minute before',
  });
  tradeTable.node.classList.add('high');
  trades.node.append(tradeTable.node);
  const gaps = panel('Gaps of the tape', '');
  const gapTable = table(gapColumns, { label: 'Gaps of the tape', empty: 'no gap in this span' });
  gapTable.node.classList.add('high');
  gaps.node.append(gapTable.node);
  const minutes = panel('Minutes', '');
  const minuteStrip = element('div', { className: 'scroll' });
  minutes.node.append(legend(), minuteStrip);

  /** Time of the book in microseconds; null follows the present. */
  let at = query.has('at') ? Number(query.get('at')) : null;
  let span = '1h';
  let settled = Date.now() * 1_000;

  // Time.
  const slider = element('input', { type: 'range', id: 'at', min: 0, max: 1_000, value: 1_000, step: 1 });
  const shownTime = element('output', { htmlFor: 'at', className: 'code' });
  const live = element('button', { type: 'button', onclick: () => moveTo(null) }, 'Live');
  const step = (label, micros) =>
    element(
      'button',
      { type: 'button', 'aria-label': `${label} in time`, onclick: () => moveTo((at ?? settled) + micros) },
      label,
    );
  const time = panel('Time of the book', '');
  time.node.append(
    element(
      'div',
      { className: 'row' },
      live,
      step('−10 s', -10 * SECOND),
      step('−1 s', -SECOND),
      step('+1 s', SECOND),
      step('+10 s', 10 * SECOND),
      element('label', { htmlFor: 'at', className: 'hidden' }, 'Time of the book within the span'),
      element('span', { className: 'grow' }, slider),
      shownTime,
    ),
  );
  time.beside.append(
    segments(
      'Span',
      Object.keys(SPANS).map((name) => [name, name]),
      span,
      (value) => {
        span = value;
        void loadSpan();
        showTime();
      },
    ),
  );

  const spanStart = () => settled - SPANS[span][0];

  function showTime() {
    live.setAttribute('aria-pressed', String(at === null));
    const shown = at ?? settled;
    setText(shownTime, `${timeOfDay(shown)} UTC`);
    const part = (shown - spanStart()) / SPANS[span][0];
    if (document.activeElement !== slider || at === null) slider.value = String(Math.round(part * 1_000));
    slider.setAttribute('aria-valuetext', `${dayAndTime(shown)} UTC`);
    candleChart.state.at = at === null ? null : at / SECOND;
    candleChart.redraw();
  }

  function showBook(shown) {
    steps.show(shown);
    const [bids, asks] = [shown.bids, shown.asks];
    depthChart.show(depthColumns(shown), `best bid ${best(bids)}, best ask ${best(asks)}`);
    certain.className = `pill ${shown.complete ? 'good' : 'warn'}`;
    setText(certain, shown.complete ? 'certain' : 'not certain');
    certain.title = shown.reasons.join('\n');
    setText(
      book.beside,
      shown.complete ? `${count(shown.changes)} changes since the anchor` : (shown.reasons[0] ?? ''),
    );
    book.beside.className = 'muted';
  }

  /** The book that is shown may be any other by now. */
  function showNoAnswer(message) {
    certain.className = 'pill bad';
    setText(certain, 'no answer');
    certain.title = message;
    setText(book.beside, message);
    book.beside.className = 'bad';
  }

  /** The present, or a moment: a book is asked for once the choice rests. */
  let asked = null;
  let timer = null;
  function moveTo(moment) {
    const limit = settled;
    at = moment === null || moment >= limit ? null : moment;
    showTime();
    clearTimeout(timer);
    asked?.abort();
    if (at === null) return startLive();
    stopLive();
    timer = setTimeout(() => void loadBook(at), REST_MILLIS);
  }

  async function loadBook(moment) {
    asked = new AbortController();
    const signal = asked.signal;
    try {
      const [shown, recent] = await Promise.all([
        get('/v1/book', { ...subject, at: moment, depth: DEPTH }, signal),
        // Every page: the last trades are those that are shown, and they come last.
        getRows('/v1/trades', { ...subject, from: moment - MINUTE, to: moment + 1 }, Infinity, signal),
      ]);
      showBook(shown);
      tradeTable.show(recent.slice(-TRADES).reverse());
    } catch (error) {
      if (!signal.aborted) showNoAnswer(error.message);
    }
  }

  let stop = null;
  let late = null;
  function stopLive() {
    clearTimeout(late);
    stop?.();
    stop = null;
  }
  function expectNews() {
    clearTimeout(late);
    late = setTimeout(() => showNoAnswer(`no answer for ${duration(LATE_MILLIS / 1_000)}`), LATE_MILLIS);
  }
  function startLive() {
    if (stop !== null) return;
    expectNews();
    stop = follow('/v1/live/instrument', subject, {
      onEvent({ book: shown, trades: recent }) {
        expectNews();
        settled = shown.at;
        showBook(shown);
        tradeTable.show(recent.slice(-TRADES).reverse());
        showTime();
        setText(trades.beside, `tape settled ${duration(Date.now() / 1_000 - settled / SECOND)} ago`);
        trades.beside.className = 'muted';
      },
      onState(error) {
        if (error !== null) showNoAnswer(error.message);
      },
    });
  }

  let spanAsked = null;
  /** What was asked for another span, or earlier, is of no use any more. */
  async function loadSpan() {
    spanAsked?.abort();
    const asking = new AbortController();
    spanAsked = asking;
    const signal = AbortSignal.any([control.signal, asking.signal]);
    const [length, width] = SPANS[span];
    const to = settled;
    const from = to - length;
    try {
      const [drawn, known, map] = await Promise.all([
        getRows('/v1/candles', { ...subject, from, to, width }, 3_000, signal),
        getRows('/v1/gaps', { ...subject, from, to }, 1_000, signal),
        get('/v1/coverage/map', { ...subject, from, to, columns: 60 }, signal),
      ]);
      if (signal.aborted) return;
      const column = (name) => drawn.map((candle) => candle[name]);
      candleChart.state.width = WIDTHS[width];
      candleChart.state.span = [from / SECOND, to / SECOND];
      candleChart.state.gaps = known.map(({ from: begin, to: end }) => ({
        from: begin / SECOND,
        to: end === null ? null : end / SECOND,
      }));
      const last = drawn.at(-1);
      candleChart.show(
        [
          drawn.map(({ bucket }) => bucket / SECOND),
          column('open'),
          column('high'),
          column('low'),
          column('close'),
          column('volume'),
        ],
        last === undefined
          ? 'no trades in this span'
          : `${drawn.length} of ${width}, last close ${dollars(last.close)}, ${known.length} gaps in the span`,
      );
      setText(
        candles.beside,
        `${width}, ${count(drawn.reduce((sum, { trades: many }) => sum + many, 0))} trades`,
      );
      candles.beside.className = 'muted';
      gapTable.show(known);
      minuteStrip.replaceChildren(
        map.rows.length === 0
          ? element('p', { className: 'none' }, 'no event in this span')
          : minuteTable(map),
      );
    } catch (error) {
      if (!signal.aborted) setText(candles.beside, error.message);
    } finally {
      if (spanAsked === asking) spanAsked = null;
    }
  }

  async function loadAbout() {
    try {
      const { data } = await get('/v1/markets', { venue, instrument }, control.signal);
      const market = data[0];
      if (market === undefined) return setText(about, `${venue}, a market that the tape does not know`);
      const outcome = market.instruments.find((other) => other.instrument === instrument)?.outcome ?? '';
      setText(title, market.title);
      const closes = market.close_ts === null ? '' : `, closes ${dayAndTime(market.close_ts)} UTC`;
      setText(about, `${venue}, ${outcome}, ${market.status}${closes}`);
      title.title = instrument;
    } catch (error) {
      if (!control.signal.aborted) setText(about, error.message);
    }
  }

  slider.addEventListener('input', () => {
    const part = Number(slider.value) / 1_000;
    moveTo(part >= 1 ? null : Math.round(spanStart() + part * SPANS[span][0]));
  });
  main.append(
    element('div', { className: 'title' }, title, certain, about),
    time.node,
    element('div', { className: 'stack w4' }, book.node, trades.node),
    element('div', { className: 'stack w8' }, candles.node, depth.node, minutes.node, gaps.node),
  );
  void loadAbout();
  void loadSpan();
  const again = setInterval(() => {
    // One that takes longer is waited for: asking anew each time would never show anything.
    if (spanAsked === null) void loadSpan();
  }, AGAIN_MILLIS);
  showTime();
  if (at === null) startLive();
  else void loadBook(at);
  return {
    leave() {
      clearInterval(again);
      clearTimeout(timer);
      asked?.abort();
      control.abort();
      stopLive();
      depthChart.destroy();
      candleChart.destroy();
    },
  };
}
