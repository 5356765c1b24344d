import { expect, test } from 'vitest';
import type { Gatherer } from '../../containers/gatherer/gatherer.ts';
import { healthOf } from '../../containers/gatherer/status.ts';

const lineWith = (figures: object): Gatherer =>
  ({ venues: [], batcher: { figures: () => figures } }) as unknown as Gatherer;

test('a line is ill while the stream does not take its lines', () => {
  const waiting = { spilling: false, oldest_age: 29_000_000, backlog_lines: 7, journal_lines: 0 };
  expect(healthOf(lineWith(waiting))).toEqual({ ok: true, reasons: [] });
  expect(healthOf(lineWith({ ...waiting, oldest_age: 45_000_000 })).reasons).toEqual([
    'stream: the oldest line has waited for 45 s',
  ]);
  expect(healthOf(lineWith({ ...waiting, spilling: true, journal_lines: 5 })).reasons).toEqual([
    'stream: 7 lines wait, also on disk (5)',
  ]);
});
