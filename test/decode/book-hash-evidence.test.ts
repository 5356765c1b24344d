import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Level } from '#src/events/event.ts';
import type { Micros } from '#src/units/time.ts';
import { BookHashEvidence, catalogueTerms } from '#src/venues/polymarket/book-hash-evidence.ts';
import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';

const START = 1_795_000_000_000_000 as Micros;
const at = (millis: number): Micros => (START + millis * 1_000) as Micros;
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const levels = (...pairs: [string, string][]) => pairs.map(([price, size]) => ({ price, size }));

const BIDS = levels(['0.4', '7'], ['0.41', '10']);
const ASKS = levels(['0.45', '2.5'], ['0.43', '5']);

/** The hash as the venue makes it, of the ten fields in its order. */
function hashed(token: string, last: string, more: { tick?: string; stamp?: string } = {}): string {
  const { tick = '0.01', stamp = '1795000000000' } = more;
  const book = { market: '0xm', asset_id: token, timestamp: stamp, hash: '', bids: BIDS, asks: ASKS };
  return sha1(
    JSON.stringify({
      ...book,
      min_order_size: '5',
      tick_size: tick,
      neg_risk: false,
      last_trade_price: last,
    }),
  );
}
const message = (token: string, hash: string, more: object = {}) => ({
  event_type: 'book',
  market: '0xm',
  asset_id: token,
  timestamp: '1795000000000',
  hash,
  bids: BIDS,
  asks: ASKS,
  ...more,
});
const trade = (token: string, price: string) => ({ market: '0xm', asset_id: token, price, size: '1' });

function known(): BookHashEvidence {
  const hashes = new BookHashEvidence();
  hashes.catalogue('0xm', ['1', '2'], { min_order_size: '5', tick_size: '0.01', neg_risk: false });
  return hashes;
}

describe('the evidence of book hashes', () => {
  it('cannot check a socket’s book before it knows what that leaves out', () => {
    const hashes = new BookHashEvidence();
    hashes.trade(trade('1', '0.42'), at(0));
    hashes.socketBook(message('1', hashed('1', '0.42')), at(1));
    expect(hashes.figures()).toMatchObject({ socket_matched: 0, socket_not_checkable: 1, waiting: 0 });
    hashes.restBook(
      message('1', 'x', {
        min_order_size: '5',
        tick_size: '0.01',
        neg_risk: false,
        last_trade_price: '0.42',
      }),
      at(2),
    );
    hashes.socketBook(message('1', hashed('1', '0.42')), at(3));
    expect(hashes.figures()).toMatchObject({ socket_matched: 1, rest_unmatched: 1 });
  });

  it('proves books by REST, which say everything themselves', () => {
    const hashes = new BookHashEvidence();
    const whole = { min_order_size: '5', tick_size: '0.01', neg_risk: false, last_trade_price: '0.42' };
    hashes.restBook(message('1', hashed('1', '0.42'), whole), at(0));
    hashes.restBook(message('1', hashed('1', '0.43'), whole), at(1));
    hashes.restBook(message('1', hashed('1', '0.42')), at(2));
    expect(hashes.figures()).toMatchObject({ rest_matched: 1, rest_unmatched: 1, rest_not_checkable: 1 });
    expect(hashes.unmatched()).toEqual([
      {
        source: 'rest',
        instrument: '1',
        timestamp: '1795000000000',
        hash: hashed('1', '0.43'),
        tried: [],
        at: at(1),
      },
    ]);
  });

  it('tries the last trade price, the one before, and those of the other token turned round', () => {
    const hashes = known();
    hashes.trade(trade('1', '0.42'), at(0));
    hashes.trade(trade('1', '0.44'), at(1));
    hashes.socketBook(message('1', hashed('1', '0.44')), at(2));
    hashes.socketBook(message('1', hashed('1', '0.42')), at(3));
    hashes.socketBook(message('2', hashed('2', '0.56')), at(4));
    expect(hashes.figures()).toMatchObject({ socket_matched: 3, waiting: 0 });
  });

  it('waits a second for the trade whose price is hashed in before it is told', () => {
    const hashes = known();
    hashes.trade(trade('1', '0.42'), at(0));
    hashes.socketBook(message('1', hashed('1', '0.47')), at(10));
    hashes.socketBook(message('2', hashed('2', '0.53')), at(10));
    hashes.socketBook(message('1', hashed('1', '0.99')), at(10));
    expect(hashes.figures()).toMatchObject({ socket_matched: 0, socket_unmatched: 0, waiting: 3 });
    hashes.trade(trade('1', '0.47'), at(98));
    expect(hashes.figures()).toMatchObject({ socket_matched: 2, socket_unmatched: 0 });
    // What nothing explains is counted and kept, with all that was tried.
    hashes.trade(trade('2', '0.5'), at(1_011));
    expect(hashes.figures()).toMatchObject({ socket_matched: 2, socket_unmatched: 1, waiting: 0 });
    expect(hashes.unmatched()).toMatchObject([{ source: 'socket', tried: ['0.42', '0.47'] }]);
  });

  it('follows the tick of a token, and its last price by its own books', () => {
    const hashes = known();
    hashes.tickSize({ asset_id: '1', market: '0xm', new_tick_size: '0.001' });
    hashes.socketBook(
      message('1', hashed('1', '0.42', { tick: '0.001' }), { last_trade_price: '0.42' }),
      at(0),
    );
    hashes.socketBook(message('1', hashed('1', '0.42', { tick: '0.001' })), at(1));
    expect(hashes.figures().socket_matched).toBe(2);
    // The catalogue does not take back what the venue's own messages said.
    hashes.catalogue('0xm', ['1'], { tick_size: '0.01' });
    hashes.socketBook(message('1', hashed('1', '0.42', { tick: '0.001' })), at(2));
    expect(hashes.figures().socket_matched).toBe(3);
  });

  it('proves the line’s own book by the hash of a change, now and then', () => {
    const hashes = known();
    const bids = [
      [410_000, 10_000_000],
      [400_000, 7_000_000],
    ] as unknown as Level[];
    const asks = [
      [430_000, 5_000_000],
      [450_000, 2_500_000],
    ] as unknown as Level[];
    expect(hashes.isDue('1', at(0))).toBe(false);
    hashes.trade(trade('1', '0.42'), at(0));
    expect(hashes.isDue('1', at(1))).toBe(true);
    expect(hashes.isDue('1', at(2))).toBe(false);
    const change = { instrument: '1', exchange_ts: START };
    hashes.holdOwnBook({ ...change, hash: hashed('1', '0.42') }, bids, asks, at(1));
    expect(hashes.takeProofs()).toEqual([{ instrument: '1', exchange_ts: START }]);
    expect(hashes.takeProofs()).toEqual([]);
    // With the price of a trade that comes later, the proof comes later.
    hashes.holdOwnBook({ ...change, hash: hashed('1', '0.5') }, bids, asks, at(2));
    hashes.holdOwnBook({ ...change, hash: hashed('1', '0.42') }, bids.slice(1), asks, at(2));
    expect(hashes.takeProofs()).toEqual([]);
    hashes.trade(trade('2', '0.5'), at(90));
    expect(hashes.takeProofs()).toEqual([{ instrument: '1', exchange_ts: START }]);
    hashes.trade(trade('2', '0.5'), at(2_000));
    expect(hashes.figures()).toMatchObject({ change_matched: 2, change_unmatched: 1 });
    expect(hashes.isDue('1', at(10_002))).toBe(true);
  });

  it('asks seldom where the hashes of changes never match, and for few books in one second', () => {
    const hashes = new BookHashEvidence();
    const tokens = Array.from({ length: 300 }, (_, index) => String(index));
    const terms = { min_order_size: '5', tick_size: '0.01', neg_risk: false };
    tokens.forEach((token, index) => {
      hashes.catalogue(`0x${index}`, [token], terms);
      hashes.trade({ market: `0x${index}`, asset_id: token, price: '0.5' }, at(0));
    });
    const due = (now: number) => tokens.filter((token) => hashes.isDue(token, at(now))).length;
    expect(due(0)).toBe(50);
    expect(due(1_000)).toBe(50);
    for (let count = 0; count < 200; count++)
      hashes.holdOwnBook({ instrument: '1', exchange_ts: START, hash: 'no' }, [], [], at(2_000));
    hashes.trade(trade('x', '0.5'), at(20_000));
    expect(hashes.figures().change_unmatched).toBe(200);
    expect(due(20_000)).toBe(3);
  });

  it('forgets what is captured no more', () => {
    const hashes = known();
    hashes.trade(trade('1', '0.42'), at(0));
    hashes.socketBook(message('2', 'x'), at(0));
    hashes.forget(['1', '2', 'unknown']);
    hashes.socketBook(message('1', hashed('1', '0.42')), at(1));
    expect(hashes.figures()).toMatchObject({ socket_matched: 0, socket_not_checkable: 1 });
  });

  it('is shown every message of the decoder, and stands whatever those hold', () => {
    const hashes = known();
    const decoder = new PolymarketDecoder(hashes);
    const context = { received_at: at(0), useYesPrice: false };
    const odd = [
      { event_type: 'book' },
      { event_type: 'book', asset_id: 5, hash: {}, market: [] },
      { event_type: 'book', asset_id: '1', hash: 'h', market: '0xm', bids: 'x', asks: [1, null] },
      { event_type: 'last_trade_price', asset_id: '1', price: 'NaN', market: '0xm' },
      { event_type: 'last_trade_price', asset_id: '1', price: 7 },
      { event_type: 'tick_size_change', new_tick_size: null },
      null,
      7,
    ];
    decoder.decode(JSON.stringify(odd), context);
    const frames = [
      { event_type: 'last_trade_price', ...trade('1', '0.42'), side: 'BUY', timestamp: '1795000000000' },
      message('1', hashed('1', '0.42')),
      { event_type: 'tick_size_change', asset_id: '1', market: '0xm', new_tick_size: '0.001' },
      message('1', hashed('1', '0.42', { tick: '0.001' })),
    ];
    for (const frame of frames) decoder.decode(JSON.stringify(frame), context);
    expect(hashes.figures()).toMatchObject({ socket_matched: 2, socket_not_checkable: 3, waiting: 0 });
  });
});

describe('what the catalogue says of a book', () => {
  it('is written as books write it', () => {
    expect(catalogueTerms({ orderMinSize: 5, orderPriceMinTickSize: 0.0001, negRisk: true })).toEqual({
      min_order_size: '5',
      tick_size: '0.0001',
      neg_risk: true,
    });
    expect(catalogueTerms({ order_price_min_tick_size: '0.01', negRisk: 'no' })).toEqual({
      min_order_size: undefined,
      tick_size: '0.01',
      neg_risk: undefined,
    });
  });
});
