import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  olderBookHash,
  todaysBookHash,
  todaysHashText,
  verifyBookHash,
} from '#src/venues/polymarket/book-hash.ts';
import { fixtureLines } from './fixtures.ts';

const empty = { market: '0xaabbcc', asset_id: '100', bids: [], asks: [] };
const filled = {
  ...empty,
  bids: [
    { price: '0.3', size: '100' },
    { price: '0.4', size: '100' },
  ],
  asks: [
    { price: '0.6', size: '100' },
    { price: '0.7', size: '100' },
  ],
};
const known = { min_order_size: '5', tick_size: '0.01', neg_risk: false };

/** The text that the venue hashes, written out. */
const todays = (last: string): string =>
  `{"market":"0xaabbcc","asset_id":"100","timestamp":"1703875200000","hash":"","bids":[{"price":"0.3","size":"100"},{"price":"0.4","size":"100"}],"asks":[{"price":"0.6","size":"100"},{"price":"0.7","size":"100"}],"min_order_size":"5","tick_size":"0.01","neg_risk":false,"last_trade_price":"${last}"}`;
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const message = (last: string): object => ({
  event_type: 'book',
  ...filled,
  timestamp: '1703875200000',
  hash: sha1(todays(last)),
});

describe("the venue's hash of a book", () => {
  it('of the older form has the published values', () => {
    expect(olderBookHash(empty)).toBe('7f81a35a09e1933a96b05edb51ac4be4a6163146');
    expect(olderBookHash(filled)).toBe('b8b72c72c6534d1b3a4e7fb47b81672d0e94d5a5');
  });

  it("of today's form is taken over ten fields in the venue's order, whatever the order they came in", () => {
    expect(todaysBookHash(todaysHashText({ ...filled, timestamp: '1703875200000' }, known), '0.45')).toBe(
      sha1(todays('0.45')),
    );
    const mixed = { ...message('0.45'), bids: filled.bids.map(({ price, size }) => ({ size, price })) };
    expect(verifyBookHash(mixed, { ...known, last_trade_price: ['0.45'] })).toMatchObject({
      verdict: 'matched',
    });
  });

  it('matches with the candidate that was hashed in, be it last, next or previous', () => {
    for (const last of ['0.45', '0.46', '0.44']) {
      expect(verifyBookHash(message(last), { ...known, last_trade_price: ['0.45', '0.46', '0.44'] })).toEqual(
        {
          verdict: 'matched',
          form: 'today',
          last_trade_price: last,
        },
      );
    }
  });

  it("goes by the message's own fields first", () => {
    const own = { ...message('0.45'), tick_size: '0.01', last_trade_price: '0.45' };
    const stale = { min_order_size: '5', tick_size: '0.001', neg_risk: false, last_trade_price: [] };
    expect(verifyBookHash(own, stale)).toMatchObject({ verdict: 'matched', form: 'today' });
  });

  it('falls back to the older form, and needs nothing else for it', () => {
    const older = { ...filled, hash: 'b8b72c72c6534d1b3a4e7fb47b81672d0e94d5a5' };
    expect(verifyBookHash(older, { last_trade_price: [] })).toEqual({
      verdict: 'matched',
      form: 'older',
      last_trade_price: null,
    });
    const { bids, asks, ...rest } = older;
    expect(verifyBookHash({ ...rest, buys: bids, sells: asks }, { last_trade_price: [] })).toMatchObject({
      verdict: 'matched',
    });
  });

  it('that matches no candidate proves nothing and says so', () => {
    expect(verifyBookHash(message('0.50'), { ...known, last_trade_price: ['0.45'] })).toEqual({
      verdict: 'unmatched',
    });
    const moved = { ...message('0.45'), bids: [{ price: '0.4', size: '101' }] };
    expect(verifyBookHash(moved, { ...known, last_trade_price: ['0.45'] })).toEqual({ verdict: 'unmatched' });
  });

  it('cannot be checked while something that goes into it is unknown', () => {
    expect(verifyBookHash(message('0.45'), { ...known, last_trade_price: [] })).toEqual({
      verdict: 'not_checkable',
      reason: 'last_trade_price is not known',
    });
    expect(verifyBookHash(message('0.45'), { last_trade_price: ['0.45'] })).toEqual({
      verdict: 'not_checkable',
      reason: 'min_order_size is not known',
    });
    expect(
      verifyBookHash({ ...message('0.45'), hash: '' }, { ...known, last_trade_price: ['0.45'] }),
    ).toMatchObject({ verdict: 'not_checkable' });
    for (const odd of [null, 5, 'x', [], { hash: 'h' }]) {
      expect(verifyBookHash(odd, { last_trade_price: [] })).toMatchObject({ verdict: 'not_checkable' });
    }
  });

  it('of the recorded fixtures, which their authors edited, never matches and never throws', () => {
    for (const frame of fixtureLines('polymarket-frames.jsonl')) {
      expect(verifyBookHash(JSON.parse(frame), { ...known, last_trade_price: ['0.5'] }).verdict).not.toBe(
        'matched',
      );
    }
  });
});
