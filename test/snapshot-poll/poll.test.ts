import { describe, expect, it } from 'vitest';
import { PollLedger } from '#src/catalogue/poll-ledger.ts';
import { RateBudget } from '#src/catalogue/rate-budget.ts';
import type { BookSnapshotEvent, Gatherer } from '#src/events/event.ts';
import { HttpError } from '#src/http/http-error.ts';
import type { PutVerdict, RecordStream, StreamRecord } from '#src/stream/record-stream.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import { type PollParts, pollChunk, snapshotRecords } from '../../lambdas/snapshot-poll/poll.ts';
import { useTables } from '../catalogue/table.ts';

const tables = useTables();

const book = (instrument: string, levels = 1): BookSnapshotEvent => ({
  kind: 'book_snapshot',
  venue: 'kalshi',
  instrument,
  source: 'rest',
  bids: Array.from({ length: levels }, (_, index) => [(400_000 - index) as Price, 5_000_000 as Size]),
  asks: [],
  snapshot_ts: 5 as Micros,
  exchange_ts: null,
  received_at: 5 as Micros,
});

class Stream implements RecordStream {
  readonly taken: StreamRecord[] = [];
  readonly #verdict: (call: number, index: number) => PutVerdict | Error;
  #calls = 0;

  constructor(verdict: (call: number, index: number) => PutVerdict | Error = () => null) {
    this.#verdict = verdict;
  }

  async put(records: readonly StreamRecord[]): Promise<readonly PutVerdict[]> {
    const call = this.#calls++;
    return records.map((record, index) => {
      const verdict = this.#verdict(call, index);
      if (verdict instanceof Error) throw verdict;
      if (verdict === null) this.taken.push(record);
      return verdict;
    });
  }

  lines(): { instrument: string; gatherer: Gatherer }[] {
    return this.taken.flatMap(({ data }) =>
      Buffer.from(data)
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { instrument: string; gatherer: Gatherer }),
    );
  }
}

async function world(more: Partial<PollParts> = {}) {
  const table = await tables.fresh();
  const ledger = new PollLedger(table);
  await ledger.plan([{ venue: 'kalshi', id: 'run#0', instruments: ['K1', 'K2', 'K3'] }], 1_000);
  let now = 10_000;
  const streams = { a: new Stream(), b: new Stream(), c: new Stream() };
  const parts: PollParts = {
    ledger,
    budget: () => new RateBudget(table, 'kalshi', { perSecond: 1, capacity: 1 }),
    books: async (_, instruments) => ({
      books: instruments.slice(0, 2).map((name) => book(name)),
      missing: ['K3'],
      hashes: { matched: 2, unmatched: 1, not_checkable: 0 },
    }),
    streams,
    lanes: 4,
    nowMillis: () => now,
    sleep: async (millis) => {
      now += millis;
    },
    deadlineMillis: 60_000,
    ...more,
  };
  return { parts, streams, ledger, elapsed: () => now - 10_000 };
}
const event = { venue: 'kalshi', id: 'run#0' } as const;

describe('one request of the snapshot poll', () => {
  it('hands the same books to the streams of all lines, each under its own name, and is entered in the ledger', async () => {
    const { parts, streams, ledger } = await world();
    expect(await pollChunk(parts, event)).toEqual({
      ...event,
      asked: 3,
      answered: 2,
      missing: 1,
      hashes: { matched: 2, unmatched: 1, not_checkable: 0 },
      refused: {},
    });
    for (const gatherer of ['a', 'b', 'c'] as const) {
      const lines = streams[gatherer].lines();
      expect(lines.map(({ instrument }) => instrument).sort()).toEqual(['K1', 'K2']);
      expect(lines[0]).toMatchObject({
        gatherer,
        kind: 'book_snapshot',
        source: 'rest',
        quality: 4,
        snapshot_ts: 5,
      });
    }
    expect(await ledger.record('kalshi', 'run#0')).toMatchObject({ polledMillis: 10_000, answered: 2 });
  });

  it('waits for the shared budget, and gives up when the invocation would end first', async () => {
    const first = await world();
    await pollChunk(first.parts, event);
    await pollChunk(first.parts, event);
    expect(first.elapsed()).toBe(1_000);
    const late = { ...first.parts, deadlineMillis: 11_500 };
    await expect(pollChunk(late, event)).rejects.toThrow('no request to kalshi was free');
  });

  it('slows everybody down when the venue refuses, and leaves the books stale', async () => {
    const { parts, ledger } = await world({
      books: async () => {
        throw new HttpError({
          outcome: 'rate_limited',
          method: 'GET',
          path: '/markets/orderbooks',
          query: '',
          status: 429,
          code: null,
          body: '',
          attempts: 3,
          reason: 'too many requests',
        });
      },
    });
    await expect(pollChunk(parts, event)).rejects.toThrow('too many requests');
    expect(await parts.budget('kalshi').take(1, parts.nowMillis)).toBeGreaterThan(2_000);
    expect((await ledger.record('kalshi', 'run#0'))?.polledMillis).toBeNull();
  });

  it('sends again only what a stream refused', async () => {
    const flaky = new Stream((call, index) =>
      call === 0 && index === 0 ? { code: 'Throttled', message: 'slow' } : null,
    );
    const { parts } = await world({ streams: { a: flaky, b: new Stream(), c: new Stream() } });
    const result = await pollChunk(parts, event);
    expect(result.refused).toEqual({});
    expect(
      flaky
        .lines()
        .map(({ instrument }) => instrument)
        .sort(),
    ).toEqual(['K1', 'K2']);
  });

  it('goes on when the stream of one line is away, and names it', async () => {
    const { parts, streams, ledger } = await world({
      streams: { a: new Stream(() => new Error('away')), b: new Stream(), c: new Stream() },
    });
    const result = await pollChunk(parts, event);
    expect(Object.keys(result.refused)).toEqual(['a']);
    expect(result.refused['a']).toContain('away');
    expect(streams.b.lines()).toHaveLength(0);
    expect((await ledger.record('kalshi', 'run#0'))?.answered).toBe(2);
  });

  it('does not count as polled what no stream took', async () => {
    const away = () => new Stream(() => new Error('away'));
    const { parts, ledger } = await world({ streams: { a: away(), b: away(), c: away() } });
    await expect(pollChunk(parts, event)).rejects.toThrow('no stream took the books');
    expect((await ledger.record('kalshi', 'run#0'))?.polledMillis).toBeNull();
  });

  it('cuts records at what a stream takes, one instrument always in the same lane', () => {
    const books = Array.from({ length: 1_200 }, (_, index) => book(`K${index % 600}`, 60));
    const records = snapshotRecords(books, 'a', 2);
    expect(records.every(({ data }) => data.byteLength <= 1_000_000)).toBe(true);
    const lanes = new Map<string, string>();
    let lines = 0;
    for (const { partitionKey, data } of records) {
      const parsed = Buffer.from(data).toString().trimEnd().split('\n');
      expect(parsed.length).toBeLessThanOrEqual(500);
      lines += parsed.length;
      for (const line of parsed) {
        const { instrument } = JSON.parse(line) as { instrument: string };
        expect(lanes.get(instrument) ?? partitionKey).toBe(partitionKey);
        lanes.set(instrument, partitionKey);
      }
    }
    expect(lines).toBe(1_200);
  });
});
