import { element, panel, setText, table } from '../dom.js';
import { brief, count, dayAndTime, duration, shortId } from '../format.js';
import { instrumentLink } from '../links.js';
import { linePlot } from '../plot.js';

const LINES = ['a', 'b', 'c'];

/** Figures with their names, set one by one. */
function figures(names) {
  const list = element('dl', { className: 'figures' });
  const values = {};
  for (const [name, title] of names) {
    values[name] = element('dd', {}, '–');
    list.append(element('div', {}, element('dt', {}, title), values[name]));
  }
  return {
    list,
    values,
    /** @param of what the figure is part of. */
    set(name, text, of) {
      const whole = of === undefined ? '' : ` / ${of}`;
      if (values[name].textContent === text + whole) return;
      values[name].replaceChildren(text, ...(of === undefined ? [] : [element('small', {}, whole)]));
    },
  };
}

const sumOf = (status, name) => Object.values(status.venues).reduce((sum, venue) => sum + venue[name], 0);

function lineCard(line) {
  const { node, beside } = panel(`Line ${line}`, 'w4');
  node.querySelector('h2').className = `line-name line-${line}`;
  const state = element('span', { className: 'pill' }, '…');
  beside.append(state);
  const shown = figures([
    ['rate', 'events/s'],
    ['frames', 'frames/s, 1 min'],
    ['connections', 'connections'],
    ['books', 'books proven'],
    ['gaps', 'open gaps'],
    ['queued', 'queued'],
    ['p99', 'to stream, p99'],
    ['resyncs', 'resyncs'],
  ]);
  const reasons = element('p', { className: 'bad', hidden: true });
  node.append(shown.list, reasons);
  return {
    node,
    show(status, rate) {
      const isUp = status !== null && status !== undefined;
      const text =
        status === undefined
          ? 'not known'
          : isUp
            ? status.health.ok
              ? 'healthy'
              : 'not healthy'
            : 'no answer';
      state.className = `pill ${!isUp ? (status === undefined ? 'muted' : 'bad') : status.health.ok ? 'good' : 'bad'}`;
      setText(state, text);
      reasons.hidden = !isUp || status.health.ok;
      setText(reasons, isUp ? status.health.reasons.join('; ') : '');
      if (!isUp) {
        for (const name of Object.keys(shown.values)) shown.set(name, '–');
        return;
      }
      shown.set('rate', rate === null ? '…' : count(rate));
      shown.set('frames', count(status.rates?.frames_per_second));
      shown.set('connections', count(sumOf(status, 'connected')), count(sumOf(status, 'connections')));
      shown.set('books', count(sumOf(status, 'proven')), count(sumOf(status, 'expected')));
      shown.set('gaps', count(status.gaps_open));
      shown.set('queued', brief(status.stream.backlog));
      shown.set('p99', status.latency_ms.p99 === null ? '–' : duration(status.latency_ms.p99 / 1_000));
      shown.set(
        'resyncs',
        count(Object.values(status.venues).reduce((sum, { counters }) => sum + counters.resyncs, 0)),
      );
    },
  };
}

/** A plot of the lines with their latest values beside its name. */
function livePlot(title, width, ring, format, least, drawn) {
  const { node, beside } = panel(title, width);
  const keys = LINES.map((line) => {
    const value = element('b', {}, '–');
    beside.append(element('span', { className: `key line-${line}` }, line, value));
    return value;
  });
  beside.className = 'keys';
  const chart = linePlot(title, format, least);
  node.append(chart.node);
  drawn.push(chart);
  return {
    node,
    show() {
      const columns = ring.columns();
      const latest = columns.slice(1).map((values) => values.at(-1) ?? null);
      const texts = latest.map((value) => (value === null ? '–' : format(value)));
      for (const [index, text] of texts.entries()) setText(keys[index], text);
      chart.show(columns, LINES.map((line, index) => `line ${line} ${texts[index]}`).join(', '));
    },
  };
}

/** Gaps of tape and lines side by side, the most frequent cause first. */
function byCause(gaps) {
  const rows = new Map();
  for (const { line, cause, gaps: many, open } of gaps) {
    const row = rows.get(cause) ?? { cause, sum: 0 };
    row[line] = { many, open };
    row.sum += many;
    rows.set(cause, row);
  }
  return [...rows.values()].sort(
    (left, right) => right.sum - left.sum || (left.cause < right.cause ? -1 : 1),
  );
}

/** How many, and how many of them are open. */
const gapCell = (figures) =>
  figures === undefined
    ? ''
    : element(
        'span',
        {},
        count(figures.many),
        figures.open === 0 ? '' : element('span', { className: 'muted' }, ` (${count(figures.open)} open)`),
      );

const ageOf = (millis) => `${duration((Date.now() - millis) / 1_000)} ago`;

/** A state machine's name without what the stack puts around it. */
const jobName = (name) => /-([A-Z][A-Za-z]*?)(?:Schedule)?Machine[0-9A-F]{8}$/.exec(name)?.[1] ?? name;

/** What a job reported, as far as it is numbers and words. */
function outputText(output) {
  return Object.entries(output ?? {})
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** The state of lines, tape and jobs, second by second. */
export function showOverview({ main, history }) {
  const drawn = [];
  const cards = Object.fromEntries(LINES.map((line) => [line, lineCard(line)]));
  const heading = element('span', { className: 'muted' });
  const events = livePlot('Events per second', 'w4', history.events, count, 10, drawn);
  const delay = livePlot(
    'Frame to stream, p99',
    'w4',
    history.delay,
    (value) => duration(value / 1_000),
    100,
    drawn,
  );
  const lag = livePlot('Tape behind the line', 'w4', history.lag, duration, 5, drawn);
  const tape = panel('Tape', 'w4');
  const ofTape = figures([
    ['rows', 'rows, about'],
    ['open', 'open gaps'],
    ['worst', 'furthest behind'],
  ]);
  const reasons = element('ul', { className: 'bad', hidden: true });
  tape.node.append(ofTape.list, reasons);
  const gaps = panel('Gaps that began in the last hour, by cause', 'w8');
  const gapTable = table(
    [
      { title: 'cause', cell: ({ cause }) => cause },
      ...['tape', ...LINES].map((of) => ({
        title: of === 'tape' ? 'tape' : `line ${of}`,
        className: 'number',
        cell: (row) => gapCell(row[of]),
      })),
    ],
    { label: 'Gaps by cause', empty: 'no gap began in the last hour' },
  );
  gapTable.node.classList.add('high');
  gaps.node.append(gapTable.node);
  const offenders = panel('Top offenders', 'w6');
  const offenderTable = table(
    [
      {
        title: 'what',
        cell: ({ what, venue, id }) => (venue ? instrumentLink(venue, id) : shortId(what, 40)),
      },
      { title: 'how often', className: 'number', cell: ({ times }) => count(times) },
      { title: 'why', className: 'wide', cell: ({ why }) => why },
    ],
    { label: 'Top offenders', empty: 'nothing stands out' },
  );
  offenders.node.append(offenderTable.node);
  const jobs = panel('Jobs', 'w6');
  const jobTable = table(
    [
      { title: 'job', cell: ({ name }) => element('span', { title: name }, jobName(name)) },
      {
        title: 'last run',
        cell: ({ ended_at }) =>
          element('span', { title: `${dayAndTime(ended_at * 1_000)} UTC` }, ageOf(ended_at)),
      },
      { title: 'took', className: 'number', cell: ({ took_ms }) => duration(took_ms / 1_000) },
      { title: 'runs', className: 'number', cell: ({ runs }) => count(runs) },
      {
        title: 'failed',
        className: 'number',
        cell: ({ failures }) => element('span', { className: failures > 0 ? 'bad' : '' }, count(failures)),
      },
      { title: 'outcome', className: 'wide', cell: ({ error, output }) => error ?? outputText(output) },
    ],
    {
      label: 'Jobs and their last runs',
      empty: 'no job has run, or none is known: only a run on this machine tells',
    },
  );
  jobs.node.append(jobTable.node);
  main.append(
    element('div', { className: 'title' }, element('h1', {}, 'Overview'), heading),
    ...LINES.map((line) => cards[line].node),
    events.node,
    delay.node,
    lag.node,
    tape.node,
    gaps.node,
    offenders.node,
    jobs.node,
  );
  return {
    onReport(report) {
      setText(
        heading,
        report.started_at === null
          ? 'a tape alone: no running system is known'
          : `source ${report.source}, up since ${report.started_at.slice(0, 19).replace('T', ' ')} UTC`,
      );
      const isSystem = report.started_at !== null;
      for (const node of [...LINES.map((line) => cards[line].node), events.node, delay.node])
        node.hidden = !isSystem;
      for (const line of LINES) cards[line].show(report.lines[line], history.rates[line]);
      for (const part of [events, delay, lag]) part.show();
      const known = report.tape.error === undefined;
      ofTape.set('rows', known ? brief(report.tape.rows) : 'no answer');
      ofTape.set('open', known ? count(report.tape.open_gaps) : '–');
      const worst = known ? report.tape.worst_line : null;
      ofTape.set('worst', worst === null ? '–' : `${duration(worst.lag_seconds)} (${worst.line})`);
      reasons.hidden = report.health.ok;
      reasons.replaceChildren(
        ...report.health.reasons.slice(0, 12).map((reason) => element('li', {}, reason)),
      );
      gapTable.show(known ? byCause(report.tape.gaps) : []);
      offenderTable.show([
        ...(known ? report.tape.offenders : []).map(
          ({ venue, instrument, gaps: times, seconds, causes }) => ({
            venue,
            id: instrument,
            times,
            why: `gaps of ${duration(seconds)}: ${causes.join(', ')}`,
          }),
        ),
        ...report.offenders.connections.map(({ line, name, reconnects, last_close }) => ({
          what: `${name}, line ${line}`,
          times: reconnects,
          why: `reconnects${last_close === null ? '' : `, last closed with ${last_close}`}`,
        })),
        ...report.offenders.problems.map(({ kind, count: times }) => ({ what: kind, times, why: 'problem' })),
      ]);
      jobTable.show(report.jobs);
    },
    leave: () => {
      for (const chart of drawn) chart.destroy();
    },
  };
}
