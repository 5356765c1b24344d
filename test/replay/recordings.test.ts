import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { segmentKey } from '#src/archive/segment-name.ts';
import type { MarketEvent } from '#src/events/event.ts';
import { inReceiveOrder } from '#src/recording/in-order.ts';
import type { Micros } from '#src/units/time.ts';
import { type ReplayRequest, replay } from '../../library/replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'recordings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const T = 1_774_062_525_000_000;
const SECOND = 1_000_000;

type Content = { readonly frame: unknown } | { readonly sent: unknown };

function write(file: string, lines: readonly (readonly [second: number, conn: string, content: Content])[]) {
  const text = lines.map(([second, conn, content]) => {
    const [[kind, body]] = Object.entries(content) as [[string, unknown]];
    return JSON.stringify({ t: T + second * SECOND, conn, [kind]: JSON.stringify(body) });
  });
  const path = join(folder, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, file.endsWith('.zst') ? zstdCompressSync(text.join('\n')) : text.join('\n'));
  return path;
}

const trade = (id: string): Content => ({
  frame: {
    type: 'trade',
    sid: 1,
    seq: 1,
    msg: { market_ticker: 'KXA', trade_id: id, yes_price_dollars: '0.4000', count_fp: '1.00', ts_ms: 1 },
  },
});
const tick = (price: string): Content => ({
  frame: {
    event_type: 'last_trade_price',
    asset_id: '77',
    market: '0xa',
    price,
    size: '1',
    side: 'BUY',
    timestamp: '1774062525000',
  },
});
const change = (price: string, side = 'no'): Content => ({
  frame: {
    type: 'orderbook_delta',
    sid: 8,
    seq: 2,
    msg: { market_ticker: 'KXA', price_dollars: price, delta_fp: '1.00', side, ts_ms: 1_774_062_525_000 },
  },
});
const subscribe: Content = {
  sent: {
    id: 1,
    cmd: 'subscribe',
    params: { channels: ['orderbook_delta'], market_tickers: ['KXA'], use_yes_price: true },
  },
};

async function played(request: ReplayRequest): Promise<MarketEvent[]> {
  const events: MarketEvent[] = [];
  for await (const event of replay(request)) events.push(event);
  return events;
}

const seconds = (events: readonly MarketEvent[]): string[] =>
  events.map(({ venue, received_at }) => `${venue[0]}${(received_at - T) / SECOND}`);
const at = (second: number): Micros => (T + second * SECOND) as Micros;

describe('recordings in several files', () => {
  const both = join(folder, 'both');
  write(
    'both/kalshi.jsonl',
    [0, 1, 2, 3, 4].map((second) => [second, 'k', trade(String(second))]),
  );
  write(
    'both/polymarket.jsonl',
    [0, 1, 2, 3, 4].map((second) => [second, 'p', tick(`0.${second + 1}`)]),
  );

  it('are played in the order in which they were received, also from and up to a time', async () => {
    expect(seconds(await played({ paths: [both] }))).toEqual([
      'k0',
      'p0',
      'k1',
      'p1',
      'k2',
      'p2',
      'k3',
      'p3',
      'k4',
      'p4',
    ]);
    expect(seconds(await played({ paths: [both], to: at(2) }))).toEqual(['k0', 'p0', 'k1', 'p1']);
    expect(seconds(await played({ paths: [both], from: at(3) }))).toEqual(['k3', 'p3', 'k4', 'p4']);
  });

  it('are refused by name where several lines recorded them', async () => {
    for (const gatherer of ['a', 'b'] as const) {
      const key = segmentKey('kalshi', gatherer, { group: 'kalshi-trade', start: at(0), epoch: gatherer });
      write(`lines/${key}`, [[0, `${gatherer}/kalshi-trade-0#1`, trade('1')]]);
    }
    const paths = [join(folder, 'lines')];
    await expect(played({ paths })).rejects.toThrow(/several lines \(gatherer=a, gatherer=b\)/);
    expect(await played({ paths: [join(folder, 'lines/raw/venue=kalshi/gatherer=a')] })).toHaveLength(1);
  });

  it('are opened one after the other, keep their own order, and those without times come last', async () => {
    const open: string[] = [];
    const part = (name: string, begin: number, times: readonly number[]) => ({
      begin,
      async *lines() {
        open.push(name);
        for (const time of times) yield { name, time };
        open.splice(open.indexOf(name), 1);
      },
    });
    const read: string[] = [];
    const parts = [
      part('bare', Number.POSITIVE_INFINITY, [0, 0]),
      part('other', Number.POSITIVE_INFINITY, [0]),
      part('late', 9, [9]),
      part('back', 1, [1, 5, 3, 4]),
      part('next', 5, [5, 6]),
    ];
    let most = 0;
    for await (const { name, time } of inReceiveOrder(parts, (line) => line.time)) {
      read.push(`${name} ${time}`);
      most = Math.max(most, open.length);
    }
    expect(read).toEqual([
      'back 1',
      'back 5',
      'back 3',
      'back 4',
      'next 5',
      'next 6',
      'late 9',
      'bare 0',
      'bare 0',
      'other 0',
    ]);
    expect(most).toBe(2);
  });
});

describe('a recording whose times go back', () => {
  it('loses nothing before its end, and gives books what they lack', async () => {
    const file = write('span.jsonl', [
      [0, 'k', change('0.3000', 'yes')],
      [4, 'k', change('0.3100', 'yes')],
      [2, 'k', trade('early')],
      [3, 'k', change('0.3200', 'yes')],
      [5, 'k', trade('late')],
      [1, 'k', trade('first')],
    ]);
    const ended = await played({ paths: [file], to: at(4) });
    expect(seconds(ended)).toEqual(['k0', 'k2', 'k3', 'k1']);
    const begun = await played({ paths: [file], from: at(4) });
    expect(begun.map(({ kind, received_at }) => [kind, (received_at - T) / SECOND])).toEqual([
      ['book_snapshot', 4],
      ['book_delta', 4],
      ['book_delta', 3],
      ['trade', 5],
    ]);
  });
});

describe('the price convention of a recorded connection', () => {
  const prices = (events: readonly MarketEvent[]): number[] =>
    events.map((event) => (event.kind === 'book_delta' ? event.price : -1));
  it('holds for all files that the connection was recorded in', async () => {
    write('whole/one.jsonl', [
      [0, 'k', subscribe],
      [1, 'k', change('0.7000')],
    ]);
    write('whole/two.jsonl', [[2, 'k', change('0.7000')]]);
    expect(prices(await played({ paths: [join(folder, 'whole')] }))).toEqual([700_000, 700_000]);
  });

  it('is not guessed where the recording lacks the command: books are left out, told, and the rest is played', async () => {
    const file = write('gathered.jsonl', [
      [0, 'one', subscribe],
      [1, 'one', change('0.7000')],
      [2, 'two', change('0.7000')],
      [3, 'two', trade('1')],
    ]);
    const skipped: string[] = [];
    const events = await played({ paths: [file], skipped: (path, line) => skipped.push(`${path} ${line}`) });
    expect(seconds(events)).toEqual(['k1', 'k3']);
    expect(skipped).toEqual([`${file} 3`]);
  });

  it('is known over all segments of the archive, and not taken for the other where the first is not there', async () => {
    const segment = (place: string, second: number): string =>
      `${place}/${segmentKey('kalshi', 'a', { group: 'kalshi-book', start: at(second), epoch: 'life' })}`;
    for (const place of ['archive', 'rest']) {
      if (place === 'archive') write(segment(place, 0), [[0, 'a/kalshi-book-0#1', subscribe]]);
      write(segment(place, 1), [[1, 'a/kalshi-book-0#1', change('0.7000')]]);
      write(segment(place, 2), [[2, 'a/kalshi-book-0#1', change('0.7000')]]);
    }
    expect(prices(await played({ paths: [join(folder, 'archive')] }))).toEqual([700_000, 700_000]);
    let skipped = 0;
    expect(await played({ paths: [join(folder, 'rest')], skipped: () => skipped++ })).toEqual([]);
    expect(skipped).toBe(2);
  });
});
