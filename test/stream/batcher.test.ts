import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { StreamLine } from '#src/events/captured.ts';
import { Batcher } from '#src/stream/batcher.ts';
import type { BatcherOptions, BatcherProblem } from '#src/stream/batcher-options.ts';
import { partitionKey } from '#src/stream/lanes.ts';
import { MemoryRecordStream } from '#src/stream/memory-record-stream.ts';
import type { PutVerdict, RecordStream, StreamRecord } from '#src/stream/record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { kept, numberedLine, numbersIn } from './lines.ts';

let directory: string;
let problems: BatcherProblem[] = [];
const clock = systemClock();
const NOW = 1_795_187_046_000_000 as Micros;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'batcher-'));
  problems = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Takes everything at once, or whatever `answer` says, and remembers the puts. */
class RecordingStream implements RecordStream {
  readonly puts: StreamRecord[][] = [];
  answer: (records: readonly StreamRecord[]) => Promise<readonly PutVerdict[]> = async (records) =>
    records.map(() => null);

  put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    this.puts.push(records.map(kept));
    return this.answer(records);
  }
}

function open(stream: RecordStream, options: Partial<BatcherOptions> = {}): Promise<Batcher> {
  const told = problems;
  return Batcher.open({
    epoch: 'life',
    stream,
    directory,
    clock,
    after: systemAfter,
    random: () => 0.5,
    lingerMillis: 2,
    retryFirstMillis: 1,
    retryMostMillis: 3,
    onProblem: (problem) => told.push(problem),
    ...options,
  });
}

function feed(batcher: Batcher, lane: string, from: number, to: number): void {
  for (let number = from; number < to; number++) {
    const at = clock();
    batcher.accept(lane, numberedLine(lane, number, at), at);
  }
}

test('records hold at most 500 lines, lie in the partition of their lane, and lanes share requests', async () => {
  const stream = new RecordingStream();
  const batcher = await open(stream, { lingerMillis: 30 });
  for (let lane = 0; lane < 40; lane++) feed(batcher, `market-${lane}`, 0, 60);
  feed(batcher, 'busy', 0, 1_300);
  await batcher.drain(5_000);
  const records = stream.puts.flat();
  for (const record of records) {
    const numbers = numbersIn(record.data);
    expect(numbers.length).toBeLessThanOrEqual(500);
    for (const [lane] of numbers) expect(partitionKey(lane, 16)).toBe(record.partitionKey);
  }
  expect(records.reduce((sum, record) => sum + numbersIn(record.data).length, 0)).toBe(3_700);
  expect(stream.puts.length).toBeLessThan(8);
  for (const put of stream.puts)
    expect(new Set(put.map((record) => record.partitionKey)).size).toBe(put.length);
});

test('the memory of a record is used again once the stream took it, but not where an earlier put of it may still look at it', async () => {
  const given: Uint8Array[] = [];
  const asGiven: Uint8Array[] = [];
  let answer = async (): Promise<PutVerdict> => null;
  const stream: RecordStream = {
    put: async (records) => {
      for (const { data } of records) {
        given.push(data);
        asGiven.push(Uint8Array.from(data));
      }
      const verdict = await answer();
      return records.map(() => verdict);
    },
  };
  const batcher = await open(stream, { lanes: 1, lingerMillis: 1, putTimeoutMillis: 50 });
  const send = async (from: number): Promise<void> => {
    const before = batcher.figures().acknowledged_lines;
    feed(batcher, 'x', from, from + 400);
    await vi.waitFor(() => expect(batcher.figures().acknowledged_lines).toBe(before + 400), { interval: 1 });
  };
  await send(0);
  await send(1_000);
  expect(given[1]!.buffer).toBe(given[0]!.buffer);
  // Given up, and taken the second time: whoever holds the first request may read it at any time.
  answer = () => new Promise(() => {});
  feed(batcher, 'x', 2_000, 2_400);
  await vi.waitFor(() => expect(given).toHaveLength(3), { interval: 1 });
  answer = async () => null;
  await vi.waitFor(() => expect(batcher.figures().acknowledged_lines).toBe(1_200), { interval: 1 });
  for (let from = 3_000; from < 13_000; from += 1_000) await send(from);
  expect(Buffer.compare(given[2]!, asGiven[2]!)).toBe(0);
  expect(given.slice(4).every(({ buffer }) => buffer !== given[2]!.buffer)).toBe(true);
  await batcher.drain(1_000);
});

test('a line waits no longer than the linger for others', async () => {
  const stream = new RecordingStream();
  const batcher = await open(stream, { lingerMillis: 20 });
  const began = performance.now();
  feed(batcher, 'x', 0, 1);
  await vi.waitFor(() => expect(stream.puts).toHaveLength(1), { interval: 1 });
  expect(performance.now() - began).toBeGreaterThan(15);
  expect(batcher.figures()).toMatchObject({ acknowledged_lines: 1, backlog_lines: 0, oldest_age: 0 });
  await batcher.drain(100);
});

test('records stay under the byte limit, and a single line above it still goes whole', async () => {
  const stream = new RecordingStream();
  const batcher = await open(stream, {
    maxRecordBytes: 1_000,
    limits: { maxRecords: 500, maxRecordBytes: 10_000, maxRequestBytes: 12_000 },
  });
  feed(batcher, 'x', 0, 50);
  const large = { ...numberedLine('x', 50, 1), padding: 'p'.repeat(5_000) } as unknown as StreamLine;
  batcher.accept('x', large, clock());
  feed(batcher, 'x', 51, 60);
  await batcher.drain(5_000);
  const sizes = stream.puts.flat().map((record) => record.data.byteLength);
  expect(sizes.filter((size) => size > 1_000)).toHaveLength(1);
  expect(stream.puts.flat().flatMap((record) => numbersIn(record.data).map(([, number]) => number))).toEqual(
    Array.from({ length: 60 }, (_, number) => number),
  );
});

test.each([1_000_000, 1_500])(
  'events arrive whole, in order and in their lane, in records of %i bytes',
  async (maxRecordBytes) => {
    const stream = new RecordingStream();
    const batcher = await open(stream, { maxRecordBytes });
    const sent = new Map<string, unknown[]>();
    for (let number = 0; number < 1_500; number++) {
      const instrument = `MARKET-${number % 7}`;
      // Some belong to another lane than that of their instrument, and some are not plain.
      const lane = number % 5 === 0 ? 'elsewhere' : instrument;
      const line = {
        kind: 'book_delta',
        venue: 'polymarket',
        instrument,
        side: 'ask',
        price: 10_000 * (1 + (number % 99)),
        size: number * 1_000_000,
        exchange_ts: 1_763_712_000_000_000 + number,
        hash: number % 11 === 0 ? `ü${number}` : `h${number}`,
        received_at: clock(),
        gatherer: 'a',
        connection: 'c#1',
        sid: 0,
        seq: 0,
        quality: 0,
        occurrence: 0,
        instant_index: 0,
      };
      batcher.accept(lane, line as unknown as StreamLine, line.received_at);
      const key = partitionKey(lane, 16);
      sent.set(key, [...(sent.get(key) ?? []), line]);
    }
    await batcher.drain(5_000);
    const arrived = new Map<string, unknown[]>();
    for (const { partitionKey: key, data } of stream.puts.flat()) {
      const lines = Buffer.from(data).toString('utf8').trimEnd().split('\n').slice(0, -1);
      arrived.set(key, [...(arrived.get(key) ?? []), ...lines.map((line) => JSON.parse(line) as unknown)]);
      expect(data.byteLength).toBeLessThanOrEqual(maxRecordBytes);
    }
    expect(arrived).toEqual(sent);
    expect(batcher.figures()).toMatchObject({ accepted_lines: 1_500, acknowledged_lines: 1_500 });
  },
);

test('a line that no record can hold is kept whole in a file, counted and named, and the others go on', async () => {
  const stream = new RecordingStream();
  const batcher = await open(stream, {
    limits: { maxRecords: 500, maxRecordBytes: 2_000, maxRequestBytes: 12_000 },
  });
  feed(batcher, 'x', 0, 1);
  const line = { ...numberedLine('x', 1, 1), padding: 'ü'.repeat(3_000) } as unknown as StreamLine;
  batcher.accept('x', line, clock());
  feed(batcher, 'x', 2, 3);
  await batcher.drain(5_000);
  expect(stream.puts.flat().flatMap((record) => numbersIn(record.data).map(([, number]) => number))).toEqual([
    0, 2,
  ]);
  expect(batcher.figures()).toMatchObject({ set_aside_lines: 1, backlog_lines: 0 });
  const [problem] = problems;
  expect(problem).toMatchObject({ kind: 'set_aside', lane: 'x', lines: 1 });
  const [file] = readdirSync(join(directory, 'set-aside'));
  expect(JSON.parse(readFileSync(join(directory, 'set-aside', file!), 'utf8'))).toEqual(line);
});

test('a line that JSON cannot hold is counted and shown, and never thrown at the caller', async () => {
  const batcher = await open(new RecordingStream());
  const line = { ...numberedLine('x', 1, 1), price: 10n } as unknown as StreamLine;
  expect(() => batcher.accept('x', line, clock())).not.toThrow();
  expect(batcher.figures().not_encodable_lines).toBe(1);
  expect(problems[0]).toMatchObject({ kind: 'not_encodable', lane: 'x' });
  await batcher.drain(100);
});

test('only the refused record is sent again, and nothing of its partition before it', async () => {
  const stream = new RecordingStream();
  const refusedKey = partitionKey('blocked', 16);
  let refusals = 5;
  stream.answer = async (records) =>
    records.map((record) =>
      record.partitionKey === refusedKey && refusals-- > 0
        ? { code: 'Throttled', message: 'slow down' }
        : null,
    );
  const batcher = await open(stream, { maxLinesPerRecord: 10 });
  const free = Array.from({ length: 100 }, (_, index) => `free-${index}`).find(
    (lane) => partitionKey(lane, 16) !== refusedKey,
  )!;
  feed(batcher, 'blocked', 0, 30);
  feed(batcher, free, 0, 30);
  await batcher.drain(5_000);
  const sent = stream.puts.flat();
  const blocked = sent
    .filter((record) => record.partitionKey === refusedKey)
    .map((record) => numbersIn(record.data)[0]![1]);
  expect(blocked).toEqual([0, 0, 0, 0, 0, 0, 10, 20]);
  expect(sent.filter((record) => record.partitionKey !== refusedKey)).toHaveLength(3);
  expect(batcher.figures()).toMatchObject({ retried_records: 5, failed_requests: 0 });
  expect(problems.every((problem) => problem.kind === 'refused' && problem.code === 'Throttled')).toBe(true);
});

test('a record with which every request fails holds up its own partition only', async () => {
  const stream = new RecordingStream();
  const poison = partitionKey('poison', 16);
  stream.answer = async (records) => {
    if (records.some((record) => record.partitionKey === poison)) throw new Error('InvalidArgument');
    return records.map(() => null);
  };
  const batcher = await open(stream);
  feed(batcher, 'poison', 0, 1);
  for (let lane = 0; lane < 60; lane++) feed(batcher, `market-${lane}`, 0, 3);
  const expected =
    180 -
    Array.from({ length: 60 }, (_, lane) => `market-${lane}`).filter(
      (lane) => partitionKey(lane, 16) === poison,
    ).length *
      3;
  await vi.waitFor(() => expect(batcher.figures().acknowledged_lines).toBe(expected));
  const report = await batcher.drain(5);
  expect(report).toMatchObject({ records: 1, kept: true });
});

test('puts under way never exceed their number, and a put that never answers is repeated', async () => {
  const stream = new RecordingStream();
  let underWay = 0;
  let most = 0;
  let hangs = 2;
  stream.answer = async (records) => {
    if (hangs-- > 0) return new Promise(() => {});
    underWay++;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setTimeout(resolve, 2));
    underWay--;
    return records.map(() => null);
  };
  const batcher = await open(stream, {
    maxInFlight: 2,
    maxLinesPerRecord: 1,
    putTimeoutMillis: 20,
    limits: { maxRecords: 1, maxRecordBytes: 1_000, maxRequestBytes: 1_000 },
  });
  for (let lane = 0; lane < 30; lane++) feed(batcher, `market-${lane}`, 0, 1);
  expect(await batcher.drain(5_000)).toMatchObject({ lines: 0 });
  expect(most).toBe(2);
  expect(batcher.figures()).toMatchObject({ failed_requests: 2, acknowledged_lines: 30 });
});

test('with the stream away, memory stays bounded: the rest is on disk, and comes out in order', async () => {
  const stream = new RecordingStream();
  let away = true;
  stream.answer = async (records) => {
    if (away) throw new Error('away');
    return records.map(() => null);
  };
  const limit = 200_000;
  const batcher = await open(stream, {
    memoryLimitBytes: limit,
    journalSegmentBytes: 100_000,
    lingerMillis: 1,
    maxLinesPerRecord: 20,
  });
  for (let round = 0; round < 100; round++) {
    for (let lane = 0; lane < 10; lane++) feed(batcher, `market-${lane}`, round * 20, round * 20 + 20);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  // Memory holds the limit, the records being filled, and what the disk has not taken yet.
  await vi.waitFor(() => expect(batcher.figures().memory_bytes).toBeLessThan(limit * 1.1), {
    timeout: 10_000,
  });
  const figures = batcher.figures();
  expect(figures.spilling).toBe(true);
  expect(figures.journal_bytes).toBeGreaterThan(1_000_000);
  expect(figures.backlog_lines).toBe(20_000);
  expect(figures.oldest_age).toBeGreaterThan(100_000);
  expect(batcher.durableUntil()).toBeLessThan(clock() - 100_000);
  away = false;
  stream.puts.length = 0;
  await batcher.drain(20_000);
  const seen = new Map<string, number[]>();
  for (const [lane, number] of stream.puts.flat().flatMap((record) => numbersIn(record.data))) {
    const numbers = seen.get(lane) ?? [];
    if (!numbers.includes(number)) numbers.push(number);
    seen.set(lane, numbers);
  }
  for (let lane = 0; lane < 10; lane++) {
    expect(seen.get(`market-${lane}`)).toEqual(Array.from({ length: 2_000 }, (_, number) => number));
  }
  expect(batcher.figures()).toMatchObject({
    journal_records: 0,
    backlog_lines: 0,
    spilling: false,
    memory_bytes: 0,
  });
  await batcher.close();
  expect(readdirSync(join(directory, 'journal'))).toEqual([]);
});

test('with the disk refusing as well, everything waits in memory, is reported, and goes when either is back', async () => {
  const stream = new RecordingStream();
  let away = true;
  stream.answer = async (records) => {
    if (away) throw new Error('away');
    return records.map(() => null);
  };
  const batcher = await open(stream, {
    memoryLimitBytes: 1_000,
    after: (millis, action) => systemAfter(millis === 1_000 ? 10 : millis, action),
  });
  renameSync(join(directory, 'journal'), join(directory, 'gone'));
  writeFileSync(join(directory, 'journal'), 'not a folder');
  for (let round = 0; round < 20; round++) {
    feed(batcher, 'x', round * 100, round * 100 + 100);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  expect(batcher.figures().journal_write_failures).toBeGreaterThan(0);
  expect(batcher.figures().backlog_lines).toBe(2_000);
  expect(problems.some((problem) => problem.kind === 'write_failed')).toBe(true);
  away = false;
  expect(await batcher.drain(10_000)).toMatchObject({ lines: 0 });
  expect(batcher.figures()).toMatchObject({ acknowledged_lines: 2_000, backlog_lines: 0 });
});

test('a drain that can neither send nor write says how much is lost', async () => {
  const stream = new RecordingStream();
  stream.answer = async () => {
    throw new Error('away');
  };
  const batcher = await open(stream);
  rmSync(join(directory, 'journal'), { recursive: true });
  writeFileSync(join(directory, 'journal'), 'not a folder');
  feed(batcher, 'x', 0, 7);
  expect(await batcher.drain(10)).toMatchObject({ lines: 7, records: 1, kept: false });
  expect(problems.some((problem) => problem.kind === 'leftovers_lost')).toBe(true);
});

test('a shard over its rate only delays: everything arrives in order', async () => {
  const stream = new MemoryRecordStream({ clock, shards: 2, recordsPerSecond: 200, bytesPerSecond: 400_000 });
  const batcher = await open(stream, { maxLinesPerRecord: 10 });
  for (let lane = 0; lane < 20; lane++) feed(batcher, `market-${lane}`, 0, 250);
  expect(await batcher.drain(20_000)).toMatchObject({ lines: 0 });
  expect(batcher.figures().retried_records).toBeGreaterThan(0);
  const numbers = new Map<string, number[]>();
  for (const shard of [0, 1]) {
    for (const [lane, number] of stream.records(shard).flatMap((record) => numbersIn(record.data))) {
      numbers.set(lane, [...(numbers.get(lane) ?? []), number]);
    }
  }
  for (let lane = 0; lane < 20; lane++) {
    expect(numbers.get(`market-${lane}`)).toEqual(Array.from({ length: 250 }, (_, number) => number));
  }
});

test('a success ends the growth of the wait: refusals later on are repeated soon again', async () => {
  const stream = new RecordingStream();
  let turn = 0;
  stream.answer = async (records) =>
    records.map(() => (turn++ % 2 === 0 ? { code: 'Throttled', message: '' } : null));
  const batcher = await open(stream, { maxLinesPerRecord: 1, retryFirstMillis: 1, retryMostMillis: 60_000 });
  feed(batcher, 'x', 0, 20);
  expect(await batcher.drain(5_000)).toMatchObject({ lines: 0 });
});

test('records that were in memory between two times of spilling keep their place when a drain leaves them', async () => {
  const stream = new RecordingStream();
  const blocked = new Set(['slow', 'fast']);
  stream.answer = async (records) =>
    records.map((record) =>
      blocked.has(numbersIn(record.data)[0]![0]) ? { code: 'Throttled', message: '' } : null,
    );
  expect(partitionKey('slow', 16)).not.toBe(partitionKey('fast', 16));
  const options = { maxLinesPerRecord: 10, memoryLimitBytes: 10_000 };
  const batcher = await open(stream, options);
  const spilling = () => batcher.figures().spilling;
  for (const round of [0, 1]) {
    feed(batcher, 'slow', round * 20, round * 20 + 10);
    expect(spilling()).toBe(false);
    feed(batcher, 'fast', round * 1_000, round * 1_000 + 150);
    feed(batcher, 'slow', round * 20 + 10, round * 20 + 20);
    expect(spilling()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (round === 1) break;
    blocked.delete('fast');
    await vi.waitFor(() => expect(spilling()).toBe(false));
    blocked.add('fast');
  }
  blocked.add('fast');
  expect(await batcher.drain(5)).toMatchObject({ kept: true });
  await batcher.close();

  const next = new RecordingStream();
  const second = await open(next, options);
  expect(await second.drain(5_000)).toMatchObject({ lines: 0 });
  const order = next.puts.flat().flatMap((record) => numbersIn(record.data));
  expect(order.filter(([lane]) => lane === 'slow').map(([, number]) => number)).toEqual(
    Array.from({ length: 40 }, (_, number) => number),
  );
});

test('a listener that throws stops nothing', async () => {
  const stream = new RecordingStream();
  let failures = 1;
  stream.answer = async (records) => records.map(() => (failures-- > 0 ? { code: 'No', message: '' } : null));
  const fail = () => {
    throw new Error('listener');
  };
  const batcher = await open(stream, { onProblem: fail, onAcknowledged: fail });
  feed(batcher, 'x', 0, 5);
  expect(await batcher.drain(1_000)).toMatchObject({ lines: 0 });
});

test('events taken with their origin leave the records that lines of them leave, among other lines and over limits', async () => {
  const told = async (isTaken: boolean) => {
    rmSync(directory, { recursive: true, force: true });
    const stream = new RecordingStream();
    const batcher = await open(stream, { maxRecordBytes: 4_000, maxLinesPerRecord: 7, clock: () => NOW });
    for (let number = 0; number < 60; number++) {
      const instrument = `market-${number % 3}`;
      const event = {
        kind: 'book_delta',
        venue: 'kalshi',
        received_at: (NOW - number) as Micros,
        // One that no record holds in the usual way.
        instrument: number === 30 ? 'x'.repeat(900) : instrument,
        side: 'bid',
        price: 400_000 as Price,
        change: (number === 31 ? 0.5 : number) as Size,
        exchange_ts: number % 4 === 0 ? null : ((NOW - 2 * number) as Micros),
      } as const;
      const origin = {
        gatherer: 'a',
        connection: 'c#1',
        sid: number % 2,
        seq: number,
        quality: number % 5,
        occurrence: number % 3,
        instant_index: number % 2,
      } as const;
      if (!isTaken || !batcher.take(event, origin))
        batcher.accept(event.instrument, { ...event, ...origin }, event.received_at);
      batcher.accept(instrument, numberedLine(instrument, number, NOW), NOW);
    }
    const durable = batcher.durableUntil();
    const accepted = batcher.figures().accepted_lines;
    await batcher.drain(5_000);
    const records = stream.puts.flat().map(({ partitionKey, data }) => [
      partitionKey,
      // Lives and orders differ, the lines do not.
      Buffer.from(data)
        .toString('latin1')
        .replace(/"(?:order|previous|gap_free_since)":(?:\d+|null)/g, ''),
    ]);
    await batcher.close();
    return { durable, accepted, records };
  };
  const taken = await told(true);
  expect(taken).toEqual(await told(false));
  expect(taken.accepted).toBe(120);
  expect(taken.durable).toBe(NOW - 60);
});
