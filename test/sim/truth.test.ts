import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { MarketEvent, Venue } from '#src/events/event.ts';
import { readTruth, TruthLogError } from '#src/truth/read-truth.ts';
import { bookAt } from '#src/truth/truth-books.ts';
import type { TruthRecord } from '#src/truth/truth-record.ts';
import type { Micros } from '#src/units/time.ts';
import { kalshiRestBook } from '#src/venues/kalshi/rest-events.ts';
import { withOrdinal } from '#src/venues/polymarket/trade-id.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { get, SMALL, START, type Stage, stage } from './support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

async function on(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  running = await stage(options);
  return running;
}

/** Without what depends on who was listening. */
function content(records: readonly TruthRecord[]): string[] {
  return records
    .filter((record) => record.kind !== 'book_snapshot' || record.venue !== 'polymarket')
    .map((record) => JSON.stringify({ ...record, n: 0, delivered: 0 }));
}

describe('the events of the simulated exchange', () => {
  it('are the same for the same seed, whether anybody listens or not and however time is cut', async () => {
    const first = await on();
    for (let step = 0; step < 1_000; step++) first.play(0.01);
    const alone = content(first.simulation.records);
    await first.stop();
    const second = await on();
    const kalshi = await second.kalshi();
    await kalshi.command('subscribe', {
      channels: ['orderbook_delta'],
      market_tickers: [...second.simulation.kalshi.markets.keys()],
    });
    const polymarket = await second.polymarket();
    polymarket.send({ assets_ids: [...second.simulation.polymarket.tokens.keys()], type: 'market' });
    await polymarket.settle();
    second.clock.advance(10_000_000);
    second.simulation.step();
    expect(alone.length).toBeGreaterThan(1_000);
    expect(content(second.simulation.records)).toEqual(alone);
  });

  it('are the same in whatever part of a second it began, and however long it was away', async () => {
    const settings = { ...SMALL, kalshiMarkets: 10, polymarketMarkets: 5 };
    const events = async (startsAt: number, awayFor: number): Promise<string[]> => {
      const at = await stage({ settings }, startsAt);
      running = at;
      const playUntil = (micros: number): void => {
        at.clock.now = micros;
        at.simulation.step();
      };
      playUntil(START + 5_000_000);
      at.simulation.pause();
      at.clock.advance(awayFor);
      at.simulation.resume();
      playUntil(START + 62_000_000);
      const { records } = at.simulation;
      await at.stop();
      return content(records);
    };
    const expected = await events(START, 2_000_000);
    expect(expected.some((record) => record.includes('"status":"active"'))).toBe(true);
    expect(await events(START + 370_123, 1_234_567)).toEqual(expected);
  });

  it('are others for another seed', async () => {
    const first = await on();
    first.play(1);
    const some = content(first.simulation.records);
    await first.stop();
    const second = await on({ settings: { ...SMALL, seed: 2 } });
    second.play(1);
    expect(content(second.simulation.records)).not.toEqual(some);
  });

  it('come at about the rate that was asked for', async () => {
    const scene = await on({ settings: { ...SMALL, kalshiMarkets: 300, polymarketMarkets: 150, rate: 800 } });
    const before = scene.simulation.records.length;
    scene.play(30);
    const made = scene.simulation.records.slice(before).filter(({ kind }) => kind !== 'book');
    expect(made.length / 30).toBeGreaterThan(700);
    expect(made.length / 30).toBeLessThan(950);
  });

  it('stop while the exchange is paused, and go on after', async () => {
    const scene = await on();
    scene.play(1);
    scene.simulation.pause();
    const before = scene.simulation.records.length;
    scene.play(5);
    expect(scene.simulation.records.length).toBe(before);
    scene.simulation.resume();
    scene.play(1);
    const later = scene.simulation.records.slice(before);
    expect(later.length).toBeGreaterThan(100);
    const times = later.flatMap((record) =>
      'exchange_ts' in record && record.exchange_ts !== null ? [record.exchange_ts] : [],
    );
    expect(Math.min(...times)).toBeGreaterThan(scene.clock.now - 1_100_000);
  });
});

describe('the truth log', () => {
  it('replays to the books that REST shows, for every instrument of both venues', async () => {
    const scene = await on();
    scene.play(20);
    const { records, ready, kalshi, polymarket } = scene.simulation;
    const tickers = [...kalshi.markets.keys()].filter((ticker) => !ticker.startsWith('KXMVE'));
    const query = tickers.map((ticker) => `tickers=${ticker}`).join('&');
    const shown = await get(`${ready.kalshi!.rest}/markets/orderbooks?${query}`);
    expect(shown.body.orderbooks.length).toBe(tickers.length);
    for (const entry of shown.body.orderbooks) {
      const { bids, asks } = kalshiRestBook(entry.ticker, entry, scene.clock.now as Micros);
      expect(await bookAt(records, 'kalshi', entry.ticker, scene.clock.now)).toEqual({ bids, asks });
    }
    const tokens = [...polymarket.tokens.keys()];
    const answer = await fetch(`${ready.polymarket!.clob}/books`, {
      method: 'POST',
      body: JSON.stringify(tokens.map((token_id) => ({ token_id }))),
    });
    const books = (await answer.json()) as {
      asset_id: string;
      bids: { price: string; size: string }[];
      asks: { price: string; size: string }[];
    }[];
    expect(books.length).toBeGreaterThan(tokens.length / 2);
    const millionths = (levels: { price: string; size: string }[]) =>
      levels
        .map(({ price, size }) => [Math.round(Number(price) * 1e6), Math.round(Number(size) * 1e6)])
        .reverse();
    for (const { asset_id, bids, asks } of books) {
      expect(await bookAt(records, 'polymarket', asset_id, scene.clock.now + 1_000_000)).toEqual({
        bids: millionths(bids),
        asks: millionths(asks),
      });
    }
  });

  it('gives the book of an earlier instant, and none from before there was one', async () => {
    const scene = await on();
    const ticker = [...scene.simulation.kalshi.markets.values()].find(
      ({ book }) => book.count('bid') > 3,
    )!.ticker;
    scene.play(3);
    const then = scene.clock.now;
    const expected = await bookAt(scene.simulation.records, 'kalshi', ticker, Number.MAX_SAFE_INTEGER);
    scene.play(10);
    expect(await bookAt(scene.simulation.records, 'kalshi', ticker, then)).toEqual(expected);
    expect(await bookAt(scene.simulation.records, 'kalshi', ticker, then - 1e9)).toBeNull();
    expect(await bookAt(scene.simulation.records, 'polymarket', ticker, then)).toBeNull();
    const control = await get(
      `${scene.simulation.ready.control}/control/book?venue=kalshi&instrument=${ticker}&at=${then}`,
    );
    expect(control.body).toMatchObject({ venue: 'kalshi', instrument: ticker, at: then, ...expected });
  });

  it('counts a change at the very instant as made', async () => {
    const change = (at: number, size: number, n: number): TruthRecord =>
      ({
        kind: 'book_delta',
        venue: 'polymarket',
        instrument: '1',
        side: 'bid',
        price: 400_000,
        size,
        exchange_ts: at,
        n,
        delivered: 1,
        emitted_at: at,
      }) as TruthRecord;
    const records: TruthRecord[] = [
      { kind: 'book', n: 1, venue: 'polymarket', instrument: '1', at: 10 as Micros, bids: [], asks: [] },
      change(20, 5, 2),
      change(20, 7, 3),
      change(21, 0, 4),
    ];
    const bids = async (at: number) => (await bookAt(records, 'polymarket', '1', at))?.bids;
    expect([await bids(9), await bids(10), await bids(19), await bids(20), await bids(21)]).toEqual([
      undefined,
      [],
      [],
      [[400_000, 7]],
      [],
    ]);
  });

  it('says of every event what a decoder makes of the frames, no more and no less', async () => {
    const busy = { created: 60, closed: 60, paused: 20, regridded: 20, renamed: 20 };
    const scene = await on({ settings: { ...SMALL, resends: 0, lifecycle: busy } });
    const { kalshi, polymarket } = scene.simulation;
    const book = await scene.kalshi();
    const rest = await scene.kalshi();
    await rest.command('subscribe', {
      channels: ['ticker', 'trade', 'market_lifecycle_v2', 'multivariate_market_lifecycle'],
    });
    await book.command('subscribe', {
      channels: ['orderbook_delta'],
      market_tickers: [...kalshi.markets.keys()],
    });
    const tokens = await scene.polymarket();
    tokens.send({ assets_ids: [...polymarket.tokens.keys()], type: 'market', custom_feature_enabled: true });
    await tokens.settle();
    scene.play(30);
    scene.simulation.pause();
    for (const client of [book, rest, tokens]) await client.settle();

    const decoded = [
      ...eventsOf('kalshi', [...book.frames, ...rest.frames]).filter(({ kind }) => kind !== 'book_snapshot'),
      ...eventsOf('polymarket', tokens.frames),
    ];
    const made = scene.simulation.records.flatMap((record) =>
      record.kind === 'header' || record.kind === 'book' || record.delivered === 0 ? [] : [record],
    );
    expect(made.length).toBeGreaterThan(5_000);
    const kinds = new Set(made.map(({ venue, kind }) => `${venue} ${kind}`));
    expect([...kinds].sort()).toEqual([
      'kalshi book_delta',
      'kalshi lifecycle',
      'kalshi ticker',
      'kalshi trade',
      'polymarket book_delta',
      'polymarket book_snapshot',
      'polymarket lifecycle',
      'polymarket ticker',
      'polymarket trade',
    ]);
    const canonical = (events: readonly object[]): string[] =>
      events
        .map((event) =>
          stable({
            ...event,
            n: undefined,
            delivered: undefined,
            emitted_at: undefined,
            received_at: undefined,
          }),
        )
        .sort();
    expect(canonical(made)).toEqual(canonical(decoded));
  });

  it('survives the writer in the middle of a line, and refuses what is no truth log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'truth-'));
    try {
      const file = join(folder, 'truth.jsonl');
      const scene = await on({ truthFile: file });
      scene.play(2);
      scene.simulation.flush();
      const { appendFileSync, writeFileSync } = await import('node:fs');
      const count = async (): Promise<number> => {
        let records = 0;
        for await (const _ of readTruth(file)) records++;
        return records;
      };
      const whole = await count();
      expect(whole).toBe(scene.simulation.truth.count + 1);
      appendFileSync(file, '{"kind":"trade","n":');
      expect(await count()).toBe(whole);
      appendFileSync(file, '\n{}\n');
      await expect(count()).rejects.toThrow(TruthLogError);
      writeFileSync(file, '{"kind":"trade"}\n');
      await expect(count()).rejects.toThrow(/not a truth log/);
      rmSync(file);
      await expect(count()).rejects.toThrow(/ENOENT/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Events of frames; equal trades get their ordinals in the order of arrival. */
function eventsOf(venue: Venue, frames: readonly string[]): MarketEvent[] {
  const decoder = venueDefinition(venue).decoder();
  const trades = new Map<string, number>();
  return frames.flatMap((frame) => {
    const { events, problems } = decoder.decode(frame, { received_at: 1 as Micros, useYesPrice: false });
    expect(problems).toEqual([]);
    return events.map((event) => {
      if (venue === 'kalshi' || event.kind !== 'trade') return event;
      const ordinal = trades.get(event.trade_id) ?? 0;
      trades.set(event.trade_id, ordinal + 1);
      return { ...event, trade_id: withOrdinal(event.trade_id, ordinal) };
    });
  });
}

/** JSON with sorted keys. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
