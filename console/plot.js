import { element } from './dom.js';
import uPlot from './uplot.js';

const dark = matchMedia('(prefers-color-scheme: dark)');

/** A colour of the style sheet as it is now, light or dark. */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = '11px system-ui, sans-serif';

/** Times of the day in UTC, as everywhere else on the page. */
const timesOfDay = (_, values) =>
  values.map((value, index) => {
    const step = values.length > 1 ? values[1] - values[0] : 60;
    const text = new Date(value * 1_000).toISOString();
    const isDay = step >= 86_400 || (index > 0 && text.slice(11, 19) === '00:00:00');
    if (isDay) return text.slice(5, 10);
    return text.slice(11, step < 60 ? 19 : 16);
  });

const timeAxis = () => axis({ space: 64, size: 26, values: timesOfDay });

const axis = (more) => ({
  stroke: () => colour('muted'),
  grid: { stroke: () => colour('line'), width: 1 },
  ticks: { show: false },
  font: FONT,
  gap: 4,
  ...more,
});

/**
 * A plot that fits its place, takes the colours of the page, and says in words what it shows. A reader of the screen
 * hears those words; the picture itself is one image.
 *
 * @param options of uPlot, without size. @param className `plot`, or `plot tall`.
 */
export function plot(label, options, className = 'plot') {
  const image = element('div', { role: 'img', 'aria-label': label });
  const node = element('figure', { className }, image);
  let data = options.series.map(() => []);
  let drawn = null;
  const draw = () => {
    drawn?.destroy();
    drawn = null;
    const width = Math.floor(node.clientWidth);
    if (width === 0) return;
    const height = Math.floor(Number.parseFloat(getComputedStyle(node).minHeight));
    drawn = new uPlot(
      { ...options, width, height, cursor: { show: false, ...options.cursor }, legend: { show: false } },
      data,
      image,
    );
  };
  const watcher = new ResizeObserver(() => {
    const width = Math.floor(node.clientWidth);
    if (drawn === null) draw();
    else if (width > 0 && width !== drawn.width) drawn.setSize({ width, height: drawn.height });
  });
  watcher.observe(node);
  dark.addEventListener('change', draw);
  return {
    node,
    show(columns, words) {
      data = columns;
      drawn?.setData(columns);
      if (words !== undefined) image.setAttribute('aria-label', `${label}: ${words}`);
    },
    redraw: () => drawn?.redraw(false),
    destroy() {
      watcher.disconnect();
      dark.removeEventListener('change', draw);
      drawn?.destroy();
      drawn = null;
    },
  };
}

const LINES = ['a', 'b', 'c'];

/**
 * One curve for each line over the last minutes.
 *
 * @param format of the values beside the axis. @param least what the axis reaches at least.
 */
export function linePlot(label, format, least) {
  return plot(label, {
    padding: [8, 26, 0, 0],
    axes: [timeAxis(), axis({ size: 52, values: (_, values) => values.map(format) })],
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max((high ?? 0) * 1.1, least)] } },
    series: [
      {},
      ...LINES.map((line) => ({ stroke: () => colour(`line-${line}`), width: 1.5, points: { show: false } })),
    ],
  });
}

/** Shades stretches of time in the whole height. @param intervals in seconds; an end of null is open. */
function shade(chart, intervals) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.fillStyle = colour('gap');
  for (const { from, to } of intervals) {
    const left = Math.max(chart.valToPos(from, 'x', true), bbox.left);
    const right =
      to === null ? bbox.left + bbox.width : Math.min(chart.valToPos(to, 'x', true), bbox.left + bbox.width);
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(right - left, 1), bbox.height);
  }
  ctx.restore();
}

/** A line across the whole height at a time. */
function mark(chart, time) {
  const { ctx, bbox } = chart;
  const x = Math.round(chart.valToPos(time, 'x', true)) + 0.5;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = colour('accent');
  ctx.setLineDash([4, 3]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function drawCandles(chart, width) {
  const { ctx, data } = chart;
  const [times, opens, highs, lows, closes, volumes] = data;
  if (times.length === 0) return;
  const step = Math.abs(chart.valToPos(times[0] + width, 'x', true) - chart.valToPos(times[0], 'x', true));
  const body = Math.max(1, Math.floor(step * 0.7));
  const most = Math.max(...volumes, 1);
  const floor = chart.bbox.top + chart.bbox.height;
  ctx.save();
  for (let index = 0; index < times.length; index++) {
    const middle = Math.round(chart.valToPos(times[index] + width / 2, 'x', true));
    const height = (volumes[index] / most) * chart.bbox.height * 0.18;
    ctx.fillStyle = colour('line');
    ctx.fillRect(middle - body / 2, floor - height, body, height);
    if (opens[index] === null) continue;
    const [open, high, low, close] = [opens, highs, lows, closes].map((values) =>
      chart.valToPos(values[index], 'y', true),
    );
    ctx.fillStyle = colour(closes[index] >= opens[index] ? 'bid' : 'ask');
    ctx.fillRect(middle - 0.5, high, 1, Math.max(low - high, 1));
    ctx.fillRect(middle - body / 2, Math.min(open, close), body, Math.max(Math.abs(close - open), 1));
  }
  ctx.restore();
}

/** Candles with volume below, gaps shaded, and a mark at the time that the book is of. */
export function candlePlot(format) {
  const state = { gaps: [], at: null, width: 60, span: null };
  const hidden = () => ({ paths: () => null, points: { show: false } });
  const made = plot(
    'Candles',
    {
      padding: [8, 26, 0, 0],
      axes: [timeAxis(), axis({ size: 52, values: (_, values) => values.map(format) })],
      scales: {
        x: { range: (_, low, high) => state.span ?? [low ?? 0, high ?? 1] },
        y: {
          range: (chart) => {
            const prices = [...chart.data[2], ...chart.data[3]].filter(
              (price) => price !== null && price !== undefined,
            );
            if (prices.length === 0) return [0, 1_000_000];
            const [low, high] = [Math.min(...prices), Math.max(...prices)];
            const room = Math.max((high - low) * 0.15, 10_000);
            return [Math.max(0, low - room * 2), Math.min(1_000_000, high + room)];
          },
        },
        volume: {},
      },
      series: [{}, hidden(), hidden(), hidden(), hidden(), { ...hidden(), scale: 'volume' }],
      hooks: {
        drawClear: [(chart) => shade(chart, state.gaps)],
        draw: [
          (chart) => {
            drawCandles(chart, state.width);
            if (state.at !== null) mark(chart, state.at);
          },
        ],
      },
    },
    'plot tall',
  );
  return { ...made, state };
}

/** Both sides of a book, added up from the best price outwards. */
export function depthPlot(priceFormat, sizeFormat) {
  return plot('Depth', {
    padding: [8, 26, 0, 0],
    axes: [
      axis({ space: 60, size: 26, values: (_, values) => values.map(priceFormat) }),
      axis({ size: 52, values: (_, values) => values.map(sizeFormat) }),
    ],
    scales: { x: { time: false }, y: { range: (_, _low, high) => [0, Math.max((high ?? 0) * 1.05, 1)] } },
    series: [
      {},
      ...['bid', 'ask'].map((side) => ({
        stroke: () => colour(side),
        fill: () => colour(`${side}-soft`),
        width: 1.5,
        points: { show: false },
        paths: uPlot.paths.stepped({ align: side === 'bid' ? -1 : 1 }),
      })),
    ],
  });
}
