import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RecordEnd } from '#src/events/captured.ts';
import { Batcher } from '#src/stream/batcher.ts';
import { RecordBuffers } from '#src/stream/record-buffers.ts';
import type { PutVerdict, RecordStream, StreamRecord } from '#src/stream/record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { kept, numberedLine, numbersIn } from './lines.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'batcher-faults-'));
  // Memory that is given back too early shows at once.
  const give = RecordBuffers.prototype.give;
  vi.spyOn(RecordBuffers.prototype, 'give').mockImplementation(function (this: RecordBuffers, memory) {
    memory.fill(0xff);
    give.call(this, memory);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

type Fault = 'none' | 'refuse_some' | 'reject_unstored' | 'reject_stored' | 'never_answer' | 'late' | 'throw';

/** Stores what it takes, and fails as it is told, put by put. */
class FaultyStream implements RecordStream {
  readonly stored: StreamRecord[] = [];
  /** Records of puts without an answer, which a request under way may read at any time: as given, and as they were. */
  readonly held: { readonly given: Uint8Array; readonly was: Uint8Array }[] = [];
  readonly #faults: readonly Fault[];
  #puts = 0;
  #mask: number;
  /** A crashed process neither sends nor hears of anything any more. */
  dead = false;

  constructor(faults: readonly Fault[], mask: number) {
    this.#faults = faults;
    this.#mask = mask | 1;
  }

  put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    if (this.dead) return new Promise(() => {});
    const fault = this.#faults[this.#puts++] ?? 'none';
    if (fault === 'throw') throw new Error('thrown, not rejected');
    if (fault === 'reject_unstored') return Promise.reject(new Error('no route to host'));
    if (fault === 'never_answer') {
      for (const { data } of records) this.held.push({ given: data, was: Uint8Array.from(data) });
      return new Promise(() => {});
    }
    const store = (record: StreamRecord): void => {
      this.stored.push(kept(record));
    };
    // A slow request reads what it sends when it gets to it.
    if (fault === 'late') {
      return new Promise((resolve) =>
        setTimeout(() => {
          records.forEach(store);
          resolve(records.map(() => null));
        }, 4),
      );
    }
    const verdicts = records.map((record) => {
      this.#mask = (Math.imul(this.#mask, 1_103_515_245) + 12_345) & 0x7fffffff;
      if (fault === 'refuse_some' && (this.#mask >> 16) % 2 === 0)
        return { code: 'Throttled', message: 'later' };
      store(record);
      return null;
    });
    if (fault === 'reject_stored') return Promise.reject(new Error('the answer was lost'));
    return Promise.resolve(verdicts);
  }
}

const faults = fc.array(
  fc.constantFrom<Fault>(
    'none',
    'refuse_some',
    'refuse_some',
    'reject_unstored',
    'reject_stored',
    'never_answer',
    'late',
    'throw',
  ),
  { maxLength: 60 },
);

const clock = systemClock();

function open(
  stream: RecordStream,
  memoryLimitBytes: number,
  isDead = () => false,
  lanes = 4,
  maxLinesPerRecord = 5,
): Promise<Batcher> {
  return Batcher.open({
    epoch: 'life',
    stream,
    directory,
    clock,
    after: (millis, action) => systemAfter(millis, () => (isDead() ? undefined : action())),
    random: Math.random,
    lanes,
    maxLinesPerRecord,
    lingerMillis: 1,
    maxInFlight: 3,
    memoryLimitBytes,
    putTimeoutMillis: 12,
    retryFirstMillis: 1,
    retryMostMillis: 4,
    journalSegmentBytes: 2_000,
    journalSync: false,
  });
}

/** First arrivals per lane, in the order in which the stream has them. */
function firstArrivals(records: readonly StreamRecord[]): Map<string, number[]> {
  const seen = new Map<string, Set<number>>();
  for (const record of records) {
    for (const [lane, number] of numbersIn(record.data)) {
      let numbers = seen.get(lane);
      if (numbers === undefined) {
        numbers = new Set();
        seen.set(lane, numbers);
      }
      numbers.add(number);
    }
  }
  return new Map([...seen].map(([lane, numbers]) => [lane, [...numbers]]));
}

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || numbers[index - 1]! < number);
}

/**
 * Holds that what came between a record and the one that it names as the one before it is nothing: what a heartbeat in a
 * record vouches for has either arrived before it, or the chain of its partition shows where something is missing.
 */
function expectChained(
  records: readonly StreamRecord[],
  accepted: readonly { readonly lane: string; readonly number: number }[],
): void {
  const following = new Map<string, Map<number, number>>();
  const latest = new Map<string, number>();
  for (const { lane, number } of accepted) {
    const before = latest.get(lane);
    if (before !== undefined) following.set(lane, (following.get(lane) ?? new Map()).set(before, number));
    latest.set(lane, number);
  }
  const stored = new Map<string, { order: number; arrived: Map<string, number> }>();
  for (const { partitionKey, data } of records) {
    const end = JSON.parse(Buffer.from(data).toString().trimEnd().split('\n').at(-1)!) as RecordEnd;
    const before = stored.get(partitionKey);
    if (before !== undefined && end.order <= before.order) continue;
    const isNext = before !== undefined && end.previous === before.order;
    const arrived = isNext ? before.arrived : new Map<string, number>();
    for (const [lane, number] of numbersIn(data)) {
      const last = arrived.get(lane);
      if (last !== undefined) expect(number).toBe(following.get(lane)!.get(last));
      arrived.set(lane, number);
    }
    stored.set(partitionKey, { order: end.order, arrived });
  }
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

test('whatever the stream refuses, loses or delays, every line arrives, in order, and durableUntil never lies', async () => {
  await fc.assert(
    fc.asyncProperty(
      faults,
      fc.nat(),
      fc.constantFrom(0, 3_000, 20_000, 1_000_000),
      // Few lines are copied out of their memory, many lie in it as long as they are under way.
      fc.constantFrom(5, 30),
      fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 30 })), { minLength: 1, maxLength: 60 }),
      async (plan, mask, memoryLimit, linesPerRecord, bursts) => {
        rmSync(directory, { recursive: true, force: true });
        const stream = new FaultyStream(plan, mask);
        const batcher = await open(stream, memoryLimit, () => false, 4, linesPerRecord);
        const accepted: { lane: string; number: number; at: Micros }[] = [];
        const next = new Map<string, number>();
        const checkDurable = (): void => {
          const until = batcher.durableUntil();
          const arrived = firstArrivals(stream.stored);
          for (const { lane, number, at } of accepted) {
            if (at <= until) expect(arrived.get(lane)).toContain(number);
          }
        };
        for (const [laneNumber, lines] of bursts) {
          const lane = `instrument-${laneNumber}`;
          for (let line = 0; line < lines; line++) {
            const number = next.get(lane) ?? 0;
            next.set(lane, number + 1);
            const at = clock();
            accepted.push({ lane, number, at });
            batcher.accept(lane, numberedLine(lane, number, at), at);
          }
          if (laneNumber < 2) {
            await pause(1);
            checkDurable();
          }
        }
        const report = await batcher.drain(20_000);
        expect(report).toEqual({ lines: 0, records: 0, bytes: 0, kept: true });
        checkDurable();
        const arrived = firstArrivals(stream.stored);
        for (const [lane, count] of next) {
          expect(arrived.get(lane)).toEqual(Array.from({ length: count }, (_, number) => number));
        }
        expect(batcher.figures()).toMatchObject({
          accepted_lines: accepted.length,
          acknowledged_lines: accepted.length,
          backlog_lines: 0,
          memory_bytes: 0,
        });
        for (const { given, was } of stream.held) expect(Buffer.compare(given, was)).toBe(0);
        await batcher.close();
      },
    ),
    { numRuns: 40 },
  );
});

test('a crash loses nothing that durableUntil vouched for or the journal held, and the next life keeps the order', async () => {
  await fc.assert(
    fc.asyncProperty(
      faults,
      fc.nat(),
      fc.constantFrom(0, 1_500),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 7 }),
      async (plan, mask, memoryLimit, crashAfter, lanesAfter) => {
        rmSync(directory, { recursive: true, force: true });
        const first = new FaultyStream(plan, mask);
        const doomed = await open(first, memoryLimit, () => first.dead);
        const accepted: { lane: string; number: number; at: Micros }[] = [];
        let number = 0;
        const feed = (batcher: Batcher, lines: number): void => {
          for (let line = 0; line < lines; line++, number++) {
            const lane = `instrument-${number % 7}`;
            const at = clock();
            accepted.push({ lane, number, at });
            batcher.accept(lane, numberedLine(lane, number, at), at);
          }
        };
        for (let turn = 0; turn < crashAfter; turn++) {
          feed(doomed, 40);
          await pause(1);
        }
        const vouched = doomed.durableUntil();
        first.dead = true;
        // The test's process lives on: the disk must be done with what it was writing at the moment of death.
        await doomed.close();
        const { backlog_lines, journal_lines } = doomed.figures();
        const second = new FaultyStream(plan.slice(0, 10), mask + 1);
        const batcher = await open(second, memoryLimit, () => false, lanesAfter);
        const lifeBegins = number;
        feed(batcher, 50);
        await pause(1);
        expect(await batcher.drain(20_000)).toMatchObject({ lines: 0, kept: true });
        expectChained([...first.stored, ...second.stored], accepted);
        const all = firstArrivals([...first.stored, ...second.stored]);
        for (const { lane, number: wanted, at } of accepted) {
          if (at <= vouched || wanted >= lifeBegins) expect(all.get(lane)).toContain(wanted);
        }
        // The order of the second life alone: leftovers, then what it captured itself.
        for (const numbers of firstArrivals(second.stored).values()) expect(ascending(numbers)).toBe(true);
        const missing = accepted.length - [...all.values()].reduce((sum, numbers) => sum + numbers.length, 0);
        expect(missing).toBeLessThanOrEqual(backlog_lines - journal_lines);
        await batcher.close();
      },
    ),
    { numRuns: 25 },
  );
});

test('what a drain could not send is in the journal, and the next life sends it in its place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1_500, 1_000_000),
      fc.nat({ max: 200 }),
      async (memoryLimit, lines) => {
        rmSync(directory, { recursive: true, force: true });
        const away = new FaultyStream(
          Array.from({ length: 10_000 }, () => 'reject_unstored' as const),
          1,
        );
        const batcher = await open(away, memoryLimit);
        let number = 0;
        const feed = (to: Batcher, count: number): void => {
          for (let line = 0; line < count; line++, number++) {
            const at = clock();
            to.accept(`instrument-${number % 3}`, numberedLine(`instrument-${number % 3}`, number, at), at);
          }
        };
        feed(batcher, lines);
        await pause(2);
        feed(batcher, lines);
        const report = await batcher.drain(10);
        expect(report).toMatchObject({ lines: lines * 2, kept: true });
        feed(batcher, 9);
        await batcher.close();

        const back = new FaultyStream([], 1);
        const next = await open(back, memoryLimit);
        feed(next, 30);
        expect(await next.drain(20_000)).toMatchObject({ lines: 0 });
        await next.close();
        const arrived = firstArrivals(back.stored);
        let total = 0;
        for (const numbers of arrived.values()) {
          expect(ascending(numbers)).toBe(true);
          total += numbers.length;
        }
        expect(total).toBe(number);
      },
    ),
    { numRuns: 25 },
  );
});
