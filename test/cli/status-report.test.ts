import { describe, expect, it } from 'vitest';
import type { GathererStatus } from '#src/status/line-status.ts';
import { statusReport } from '#src/status/report.ts';
import type { TapeStatus } from '#src/status/tape-status.ts';
import { renderStatus } from '../../cli/status/render.ts';
import { renderProgress } from '../../local/run/progress.ts';

const connection = (name: string, reconnects: number, reason: string | null) => ({
  venue: 'kalshi',
  name,
  state: 'open',
  instruments: { requested: 1_200, seeded: 1_199 },
  frames: 45_678,
  last_data_age: 1_250_000,
  message_age: name.endsWith('-1') ? null : 6_205,
  reconnects,
  last_close: reason === null ? null : { at: 1_795_326_249_067_000, code: 1006, reason },
});

const line = (gatherer: 'a' | 'b' | 'c', changes: Partial<GathererStatus> = {}): GathererStatus => ({
  gatherer,
  epoch: '1-a',
  health: { ok: true, reasons: [] },
  listed: true,
  rates: { seconds: 60, frames_per_second: 40.5, events_per_second: 80.1 },
  frames: 1_000,
  events: 2_000,
  gaps_opened: 3,
  gaps_open: 1,
  venues: {
    kalshi: {
      connections: 2,
      connected: 2,
      expected: 400,
      bound: 400,
      proven: 399,
      resync_ratio: 0.025,
      counters: { resyncs: 10, losses: 4, proofs: 404 },
    },
  },
  stream: { backlog: 0, spilled_bytes: 0 },
  connections: [connection('kalshi-book-1', 0, null)],
  problems: {},
  latency_ms: { p50: 20, p99: 90 },
  ...changes,
});

const tape: TapeStatus = {
  rows: 12_345,
  open_gaps: 7,
  lag_seconds: { a: 1.5, b: 2.5, c: null },
  worst_line: { line: 'b', lag_seconds: 2.5 },
  minutes: 60,
  gaps: [
    { line: 'tape', cause: 'line_down', gaps: 1, open: 0 },
    { line: 'a', cause: 'sequence_gap', gaps: 5, open: 2 },
  ],
  offenders: [{ venue: 'kalshi', instrument: 'KX-1', gaps: 4, seconds: 8.5, causes: ['sequence_gap'] }],
};

const report = (changes: Partial<Parameters<typeof statusReport>[0]> = {}) =>
  statusReport({
    source: 'sim',
    startedAt: '2026-11-21T10:00:00Z',
    lines: { a: line('a'), b: line('b'), c: line('c') },
    tape,
    ...changes,
  });

describe('the status of a run', () => {
  it('is healthy when every line and the tape say so', () => {
    expect(report().health).toEqual({ ok: true, reasons: [] });
    expect(renderStatus(report(), false)).toMatch(/^healthy$/m);
  });

  it('says of every line and of the tape why it is not', () => {
    const silent = report({
      lines: { a: line('a', { health: { ok: false, reasons: ['kalshi: no book is proven'] } }), b: null },
      tape: new Error('refused'),
    });
    expect(silent.health).toEqual({
      ok: false,
      reasons: [
        'line a: kalshi: no book is proven',
        'line b: does not answer',
        'tape: the database does not answer (refused)',
      ],
    });
    const late = report({ tape: { ...tape, lag_seconds: { a: 1, b: 600, c: null } } });
    expect(late.health.reasons).toEqual(['tape: line b is merged 600 s late']);
    expect(renderStatus(late, false)).toMatch(/^not healthy: tape: line b is merged 600 s late$/m);
  });

  it('names the lag of the worst line, rates, resync ratios and gaps by cause', () => {
    const text = renderStatus(report(), false);
    expect(text).toContain('2.5 s behind (line b, the worst)');
    expect(text).toContain('(40.5 and 80.1 a second)');
    expect(text).toContain('10 resyncs (2.5 % of the books)');
    expect(text).toContain('line a: 5 sequence_gap (2 open)');
    expect(text).toContain('tape: 1 line_down');
  });

  it('names connections, instruments and kinds of trouble, the worst first, and few of them', () => {
    const connections = [1, 3, 2, 0, 9, 4, 5].map((count) =>
      connection(`book-${count}`, count, 'going away'),
    );
    const offended = report({
      lines: {
        a: line('a', { connections, problems: { rest_timeout: 2, raw_upload: 1 } }),
        b: line('b', { problems: { rest_timeout: 3 } }),
      },
    });
    expect(offended.offenders.connections.map(({ reconnects }) => reconnects)).toEqual([9, 5, 4, 3, 2]);
    expect(offended.offenders.problems).toEqual([
      { kind: 'rest_timeout', count: 5 },
      { kind: 'raw_upload', count: 1 },
    ]);
    const text = renderStatus(offended, false);
    expect(text).toContain('connection book-9 of line a: 9 reconnects, last closed with 1006 going away');
    expect(text).toContain('kalshi KX-1: 4 gaps, 8.5 s (sequence_gap)');
    expect(text).not.toContain('last data');
  });
});

describe('the status with every connection', () => {
  it('has a row of each below its line, with what is not known left open', () => {
    const connections = [connection('kalshi-book-1', 0, null), connection('kalshi-book-12', 3, 'going away')];
    const text = renderStatus(report({ lines: { a: line('a', { connections }) } }), true);
    expect(text.split('\n').filter((row) => row.startsWith('    '))).toEqual([
      '    connection      state        books  frames  last data   delay  reconnects  last closed',
      '    kalshi-book-1   open   1,199/1,200  45,678      1.3 s       -           0  -',
      '    kalshi-book-12  open   1,199/1,200  45,678      1.3 s  6.2 ms           3  2026-11-22T05:44:09.067Z 1006 going away',
    ]);
  });

  it('has no books of a connection that carries a feed', () => {
    const feed = { ...connection('kalshi-trade-1', 0, null), instruments: { requested: 0, seeded: 0 } };
    const text = renderStatus(report({ lines: { a: line('a', { connections: [feed] }) } }), true);
    expect(text).toMatch(/kalshi-trade-1 {2}open {7}- {2}45,678/);
  });
});

describe('the progress of a run', () => {
  it('says once why lines do not capture', () => {
    const ill = { ok: false, reasons: ['polymarket: markets cannot be listed: getaddrinfo ENOTFOUND'] };
    const lines = renderProgress({
      secondsRunning: 5,
      secondsLeft: null,
      lines: {
        a: { status: line('a', { health: ill }), eventsPerSecond: 0, restarts: 0 },
        b: { status: line('b', { health: ill }), eventsPerSecond: 0, restarts: 0 },
        c: { status: null, eventsPerSecond: 0, restarts: 1 },
      },
      tape: { rows: 0, lagSeconds: null },
    });
    expect(lines.filter((text) => text.includes('not well'))).toEqual([
      '  not well: a, b: polymarket: markets cannot be listed: getaddrinfo ENOTFOUND',
    ]);
  });
});
