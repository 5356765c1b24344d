import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StreamLine } from '#src/events/captured.ts';
import { Batcher } from '#src/stream/batcher.ts';
import {
  KINESIS_LIMITS,
  type PutVerdict,
  RECORD_TOO_LARGE,
  type RecordStream,
  type StreamRecord,
} from '#src/stream/record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import { systemClock } from '#src/units/time.ts';
import { kept, numberedLine } from './lines.ts';

type Line = Record<string, unknown>;

const T = 1_795_187_045_000_000;
const SMALL = { maxRecords: 500, maxRecordBytes: 2_000, maxRequestBytes: 12_000 };
let directory: string;
const clock = systemClock();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lost-lines-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Refuses records above its limit, as the service does. */
class StrictStream implements RecordStream {
  readonly taken: StreamRecord[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    return records.map((record) => {
      if (record.data.byteLength > this.#limit) return { code: RECORD_TOO_LARGE, message: 'too large' };
      this.taken.push(kept(record));
      return null;
    });
  }

  lines(): Line[] {
    return this.taken.flatMap(({ data }) =>
      Buffer.from(data)
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line),
    );
  }

  /** Without what ends each record. */
  events(): Line[] {
    return this.lines().filter(({ kind }) => kind !== 'record_end');
  }
}

async function sent(stream: StrictStream, lines: readonly unknown[], limits = SMALL): Promise<Batcher> {
  const batcher = await Batcher.open({
    epoch: 'life',
    stream,
    directory,
    clock,
    after: systemAfter,
    random: () => 0.5,
    lingerMillis: 2,
    limits,
  });
  for (const line of lines) batcher.accept('K1', line as StreamLine, T as never);
  expect(await batcher.drain(5_000)).toMatchObject({ lines: 0, kept: true });
  await batcher.close();
  return batcher;
}

function keptAside(): string[] {
  const folder = join(directory, 'set-aside');
  return readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
}

const provenance = {
  venue: 'polymarket',
  gatherer: 'b',
  connection: 'b/book-1#1',
  sid: 0,
  seq: 0,
  quality: 0,
  received_at: T + 700,
};
const large = Array.from({ length: 200 }, (_, n) => [n * 1_000, 5_000_000]);
const snapshot = {
  ...provenance,
  kind: 'book_snapshot',
  instrument: 'P1',
  source: 'ws',
  bids: large,
  asks: [],
  snapshot_ts: T,
  exchange_ts: T,
};

test('an event that no record can hold is kept, and leaves a gap of its instrument at its time', async () => {
  const stream = new StrictStream(2_000);
  await sent(stream, [snapshot]);
  expect(keptAside().map((text) => JSON.parse(text))).toEqual([snapshot]);
  expect(stream.events()).toMatchObject([
    {
      kind: 'gap',
      venue: 'polymarket',
      gatherer: 'b',
      instruments: ['P1'],
      from: T,
      to: T + 701,
      cause: 'not_sent',
    },
  ]);
  expect(stream.events()[0]!['gap_id']).toMatch(/^b:not-sent:life\/\d+$/);
});

test('an event that JSON cannot hold is shown in a file, and leaves a gap of its instruments', async () => {
  const stream = new StrictStream(2_000);
  const lifecycle = {
    ...provenance,
    kind: 'lifecycle',
    market: 'M1',
    instruments: ['P1', 'P2'],
    type: 'new',
    details: { amount: 12345678901234567890n },
    exchange_ts: null,
  };
  await sent(stream, [lifecycle, { ...lifecycle, instruments: [] }]);
  expect(keptAside()).toHaveLength(2);
  for (const text of keptAside()) expect(text).toContain('12345678901234567890n');
  expect(stream.events()).toMatchObject([
    { kind: 'gap', instruments: ['P1', 'P2'], from: T + 700, to: T + 701 },
    { kind: 'gap', all: true, from: T + 700, to: T + 701 },
  ]);
});

test('a gap that is too large goes in parts, and one whose only instrument is too large becomes one of everything', async () => {
  const stream = new StrictStream(2_000);
  const instruments = Array.from({ length: 300 }, (_, n) => `INSTRUMENT-${n}`);
  const gap = { ...provenance, kind: 'gap', gap_id: 'b:e:1', from: T, to: null, cause: 'startup' };
  await sent(stream, [
    { ...gap, instruments },
    { ...gap, gap_id: 'b:e:2', instruments: ['I'.repeat(3_000)] },
  ]);
  const parts = stream.events().filter(({ gap_id }) => gap_id === 'b:e:1');
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.flatMap((part) => part['instruments'])).toEqual(instruments);
  for (const part of parts) expect(part).toMatchObject({ from: T, to: null, cause: 'startup' });
  const [wide] = stream.events().filter(({ gap_id }) => gap_id === 'b:e:2');
  expect(wide).toMatchObject({ all: true, from: T, to: null });
});

test('a market that is too large goes without what the venue said of it', async () => {
  const stream = new StrictStream(2_000);
  const market = {
    kind: 'market',
    venue: 'kalshi',
    market: 'M',
    details: { rules: 'r'.repeat(4_000) },
    title: 'T',
  };
  await sent(stream, [market]);
  expect(stream.events()).toEqual([{ ...market, details: {} }]);
  expect(keptAside()).toHaveLength(1);
});

test('a record that the stream finds too large comes in parts, in order, and only the line that is too large is lost', async () => {
  // The stream takes less than it is said to take.
  const stream = new StrictStream(1_500);
  const before = Array.from({ length: 40 }, (_, n) => numberedLine('K1', n, T));
  const after = Array.from({ length: 40 }, (_, n) => numberedLine('K1', 40 + n, T));
  const batcher = await sent(stream, [...before, snapshot, ...after], KINESIS_LIMITS);
  const events = stream.events();
  expect(events.filter(({ kind }) => kind === 'heartbeat').map(({ epoch }) => epoch)).toEqual(
    Array.from({ length: 80 }, (_, n) => `K1:${n}`),
  );
  expect(events[40]).toMatchObject({ kind: 'gap', instruments: ['P1'], from: T, to: T + 701 });
  expect(keptAside().map((text) => JSON.parse(text))).toEqual([snapshot]);
  expect(batcher.figures()).toMatchObject({ set_aside_lines: 1, backlog_lines: 0, memory_bytes: 0 });
  expect(stream.lines().at(-1)).toMatchObject({ kind: 'record_end' });
  const ends = stream.lines().filter(({ kind }) => kind === 'record_end');
  expect(ends).toHaveLength(1);
  expect(ends[0]).toMatchObject({ split: true });
});

test('every record states the times of its events, and those of the record before', async () => {
  const stream = new StrictStream(2_000);
  const trade = (received_at: number, exchange_ts: number | null): unknown => ({
    ...provenance,
    kind: 'trade',
    instrument: 'P1',
    trade_id: 't'.repeat(200),
    price: 1,
    size: 1,
    taker_side: null,
    is_block: false,
    received_at,
    exchange_ts,
  });
  const book = {
    ...provenance,
    kind: 'book_snapshot',
    instrument: 'P1',
    source: 'ws',
    snapshot_ts: T - 9,
    exchange_ts: null,
    bids: [],
    asks: Array.from({ length: 60 }, (_, level) => [500_000 + level, 1_000_000]),
  };
  // Two trades fill a record.
  const lines = [
    trade(T + 5, T - 3),
    trade(T + 2, null),
    book,
    numberedLine('K1', 1, T),
    { ...book, exchange_ts: 'noon' },
  ];
  await sent(stream, [...lines, trade(T, T)]);
  const ends = stream.lines().filter(({ kind }) => kind === 'record_end');
  const spans = [
    [T - 3, T + 5],
    [T - 9, T + 700],
  ];
  expect(ends.slice(0, 2).map(({ events }) => events)).toEqual(spans);
  // A time that is none leaves the span of its record open.
  expect(ends.some(({ events }) => events === undefined)).toBe(true);
  const orders = ends.map(({ order }) => order);
  expect(ends.map(({ before }) => before)).toEqual(
    ends.map((_, index) => {
      if (index === 0) return null;
      const { events } = ends[index - 1]!;
      return { previous: orders[index - 2] ?? null, ...(events === undefined ? {} : { events }) };
    }),
  );
});

test('every record names the one before it in its partition, and the last that held a gap', async () => {
  const stream = new StrictStream(2_000);
  const gap = {
    ...provenance,
    kind: 'gap',
    gap_id: 'b:e:1',
    from: T,
    to: null,
    cause: 'startup',
    instruments: ['P'],
  };
  const fill = (from: number): StreamLine[] =>
    Array.from({ length: 20 }, (_, n) => numberedLine('K1', from + n, T));
  await sent(stream, [...fill(0), gap, ...fill(20), ...fill(40)]);
  const ends = stream.lines().filter(({ kind }) => kind === 'record_end');
  const records = stream.taken.map(({ data }) => Buffer.from(data).toString('utf8'));
  const withGap = records.findIndex((text) => text.includes('"kind":"gap"'));
  expect(records.length).toBeGreaterThan(withGap + 2);
  const orders = ends.map(({ order }) => order as number);
  expect(ends.map(({ previous }) => previous)).toEqual([null, ...orders.slice(0, -1)]);
  expect(ends.map(({ gap_free_since }) => gap_free_since)).toEqual(
    orders.map((_, index) => (index <= withGap ? orders[0]! - 1 : orders[withGap])),
  );
  expect(ends.map(({ gaps }) => gaps)).toEqual(orders.map((_, index) => (index === withGap ? 1 : 0)));
  for (const { epoch } of ends) expect(epoch).toBe('life');
  for (const text of records) expect(text.trimEnd().split('\n').at(-1)).toContain('"kind":"record_end"');
});
