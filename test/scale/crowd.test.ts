import { describe, expect, it } from 'vitest';
import type { Micros } from '#src/units/time.ts';
import { KalshiDecoder } from '#src/venues/kalshi/decode.ts';
import { CrowdExchange } from '../../scale/crowd/exchange.ts';
import { CrowdFlow } from '../../scale/crowd/flow.ts';
import { CrowdMarkets } from '../../scale/crowd/markets.ts';
import { type FingerprintedEvent, Fingerprinter } from '../../scale/fingerprint.ts';
import { listMarkets } from '../../sim/kalshi/market-listing.ts';

const NOW = 1_795_000_000_000_000 as Micros;
const SIZE = 2_345;

function crowd(): { markets: CrowdMarkets; exchange: CrowdExchange; flow: CrowdFlow; sent: string[] } {
  const markets = new CrowdMarkets(SIZE, 1, NOW);
  const sent: string[] = [];
  let number = 0;
  const frame = (type: string, msg: string): number =>
    sent.push(`{"type":"${type}","sid":1,"seq":${++number},"msg":${msg}}`);
  const flow = new CrowdFlow(markets, 7, 1, {
    book: (_ticker, type, _no, yes) => frame(type, yes),
    market: (channel, _ticker, msg) => frame(channel, msg),
  });
  return { markets, exchange: new CrowdExchange(markets, () => flow), flow, sent };
}

const decoder = new KalshiDecoder();
const decoded = (text: string) => decoder.decode(text, { received_at: NOW, useYesPrice: true });

/** Sizes by side and price. */
function levelsOf(exchange: CrowdExchange, ticker: string): Map<string, number> {
  const frame = `{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":${exchange.snapshot(ticker, true)}}`;
  const [book] = decoded(frame).events;
  if (book?.kind !== 'book_snapshot') throw new Error('no book');
  const levels = new Map<string, number>();
  for (const [price, size] of book.bids) levels.set(`bid ${price}`, size);
  for (const [price, size] of book.asks) levels.set(`ask ${price}`, size);
  return levels;
}

describe('a crowd of markets', () => {
  it('knows each of its markets by number and by name, and no other', () => {
    const { markets } = crowd();
    const tickers = Array.from({ length: SIZE }, (_, number) => markets.ticker(number));
    expect(new Set(tickers).size).toBe(SIZE);
    expect(tickers.map((ticker) => markets.numberOf(ticker))).toEqual(tickers.map((_, number) => number));
    for (const name of [markets.ticker(SIZE), tickers[5]!.replace('-', '+'), '', 'KX-T', `${tickers[7]!}0`])
      expect(markets.numberOf(name)).toBe(-1);
  });

  it('is listed page by page, each market once', () => {
    const { exchange, markets } = crowd();
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = `status=open&limit=1000&cursor=${cursor}`;
      const page = listMarkets(exchange, new URLSearchParams(query));
      found.push(...page.markets.map((market) => (market as { ticker: string }).ticker));
      cursor = page.cursor === '' ? null : page.cursor;
    }
    expect(found).toEqual(Array.from({ length: SIZE }, (_, number) => markets.ticker(number)));
  });

  it('has books that are what they opened with and every change since, and messages that decode to its truth', () => {
    const { exchange, flow, markets, sent } = crowd();
    const tickers = Array.from({ length: 7 }, (_, number) => markets.ticker(number));
    const books = new Map(tickers.map((ticker) => [ticker, levelsOf(exchange, ticker)]));
    for (let count = 0; count < 3_000; count++) flow.next((NOW + count) as Micros);
    const heard = new Fingerprinter();
    for (const text of sent) {
      const { events, problems } = decoded(text);
      expect(problems).toEqual([]);
      for (const event of events) {
        const { kind, instrument, exchange_ts } = event as {
          kind: string;
          instrument: string;
          exchange_ts: number;
        };
        let [first, second]: [number | null, number | null] = [null, null];
        if (event.kind === 'book_delta' && event.change !== undefined) {
          [first, second] = [event.price, event.change];
          const book = books.get(instrument)!;
          const key = `${event.side} ${event.price}`;
          const size = (book.get(key) ?? 0) + event.change;
          expect(size).toBeGreaterThanOrEqual(0);
          if (size === 0) book.delete(key);
          else book.set(key, size);
        } else if (event.kind === 'trade') [first, second] = [event.price, event.size];
        else if (event.kind === 'ticker') [first, second] = [event.bid, event.ask];
        heard.add({ kind, instrument, exchange_ts, first, second });
      }
    }
    expect(heard.value).toEqual(flow.truth.value);
    expect(heard.value.events).toBe(3_000);
    for (const ticker of tickers) {
      expect(levelsOf(exchange, ticker)).toEqual(books.get(ticker));
    }
  });
});

describe('a fingerprint', () => {
  const event = (number: number): FingerprintedEvent => ({
    kind: 'trade',
    instrument: 'K1',
    exchange_ts: number,
    first: 1,
    second: 2,
  });
  const of = (...events: FingerprintedEvent[]) => {
    const fingerprinter = new Fingerprinter();
    for (const one of events) fingerprinter.add(one);
    return fingerprinter.value;
  };

  it('is the same in any order, and another where an event lacks, is doubled or differs', () => {
    const all = of(event(1), event(2), event(3));
    expect(of(event(3), event(1), event(2))).toEqual(all);
    expect(of(event(1), event(2))).not.toEqual(all);
    expect(of(event(1), event(2), event(2))).not.toEqual(all);
    expect(of(event(1), event(2), { ...event(3), second: 3 })).not.toEqual(all);
    expect(of(event(1), event(2), { ...event(3), instrument: 'K2' })).not.toEqual(all);
  });
});
