import { describe, expect, it } from 'vitest';
import { sampleTrueBooks } from '#src/truth/book-samples.ts';
import type { TruthRecord } from '#src/truth/truth-record.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';

const us = (value: number): Micros => value as Micros;

/** `changes` of one instrument, one each `every` microseconds; each adds one contract at one price. */
function history(instrument: string, begins: number, changes: number, every: number): TruthRecord[] {
  const one = 1 as Size;
  const records: TruthRecord[] = [
    {
      kind: 'book',
      n: 1,
      venue: 'kalshi',
      instrument,
      at: us(begins),
      bids: [[500_000 as Price, one]],
      asks: [],
    },
  ];
  for (let change = 1; change <= changes; change++) {
    const exchange_ts = us(begins + change * every);
    records.push({
      kind: 'book_delta',
      n: change + 1,
      venue: 'kalshi',
      instrument,
      side: 'bid',
      price: 500_000 as Price,
      change: one,
      exchange_ts,
      delivered: 1,
      emitted_at: exchange_ts,
    });
  }
  return records;
}

async function* read(records: readonly TruthRecord[]): AsyncGenerator<TruthRecord> {
  yield* records;
}

describe("the exchange's own books at sampled instants", () => {
  it('lie just before changes, spread over all of them, and hold exactly what came before', async () => {
    const records = history('K', 100, 40, 10);
    const books = await sampleTrueBooks(() => read(records), {
      instruments: 10,
      instants: 4,
      after: us(100),
      last: us(1_000),
    });
    expect(books.samples.map(({ at }) => at)).toEqual([199, 299, 399, 499, 1_000]);
    expect(books.samples.map((sample) => books.of(sample)!.bids)).toEqual(
      [10, 20, 30, 40, 41].map((size) => [[500_000, size]]),
    );
  });

  it('lie after the begin that was given, one for each change where there are few', async () => {
    const records = history('K', 0, 6, 10);
    const { samples } = await sampleTrueBooks(() => read(records), {
      instruments: 10,
      instants: 5,
      after: us(40),
      last: us(70),
    });
    expect(samples.map(({ at }) => at)).toEqual([49, 59, 70]);
  });

  it('are unknown before the instrument began', async () => {
    const records = history('K', 100, 1, 10);
    const books = await sampleTrueBooks(() => read(records), {
      instruments: 10,
      instants: 1,
      after: us(200),
      last: us(50),
    });
    expect(books.samples).toHaveLength(1);
    expect(books.of(books.samples[0]!)).toBeNull();
  });

  it('are of no more instruments than asked for, the busiest among them', async () => {
    const records = Array.from({ length: 100 }, (_, index) => history(`K${index}`, 0, index, 10)).flat();
    const { samples } = await sampleTrueBooks(() => read(records), {
      instruments: 20,
      instants: 1,
      after: us(0),
      last: us(5_000),
    });
    const instruments = new Set(samples.map(({ instrument }) => instrument));
    expect(instruments.size).toBe(20);
    expect([...instruments]).toEqual(expect.arrayContaining(['K99', 'K98']));
  });
});
