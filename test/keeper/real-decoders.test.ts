import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RecordedLine } from '#src/capture/recording.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { at, levels, TestLine } from './line.ts';

// First lines of four markets of the public recording kalshi/deltas-2026-03-21 (see its README for the source).
const recording = readFileSync(new URL('../fixtures/keeper/kalshi-deltas.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((text) => JSON.parse(text) as Required<RecordedLine>);

describe('the keeper with the venues’ own decoders', () => {
  it('captures every change of a recorded Kalshi session once and ends with proven books', () => {
    const line = new TestLine('kalshi', venueDefinition('kalshi').decoder());
    const connection = { ...line.connection('kalshi-1#1'), useYesPrice: false };
    const messages = recording.map(
      ({ frame }) => JSON.parse(frame) as { type: string; msg: { market_ticker: string } },
    );
    const tickers = [...new Set(messages.map(({ msg }) => msg.market_ticker))];
    line.now = recording[0]!.t;
    line.keeper.expect(tickers, at(line.now));
    line.keeper.bind(connection, 1, tickers);
    for (const { t, frame } of recording) {
      line.now = t;
      line.keeper.frame(connection, frame, t);
      line.keeper.tick(t);
    }
    line.pass(25);
    const counts = { expected: tickers.length, bound: tickers.length, proven: tickers.length };
    expect(line.keeper.counts()).toEqual(counts);
    expect(line.of('book_delta').length).toBe(
      messages.filter(({ type }) => type === 'orderbook_delta').length,
    );
    expect(line.of('book_delta').length).toBeGreaterThan(100);
    expect(line.keeper.counters).toMatchObject({ sequence_gaps: 0, negative_sizes: 0, undecodable: 0 });
    expect(line.openGaps()).toEqual([]);
  });

  it('doubts the books of a Kalshi subscription over a numbered message of a type that is new', () => {
    const line = new TestLine('kalshi', venueDefinition('kalshi').decoder());
    const connection = line.connection('kalshi-1#1');
    line.keeper.bind(connection, 1, ['K1']);
    const snapshot = { market_ticker: 'K1', yes_dollars_fp: [['0.40', '5.00']] };
    const say = (message: object) => line.frame(connection, JSON.stringify(message));
    expect(say({ type: 'orderbook_snapshot', sid: 1, seq: 1, msg: snapshot }).proven).toEqual(['K1']);
    say({ type: 'orderbook_move', sid: 1, seq: 2, msg: { market_ticker: 'K1', from: '0.40', to: '0.41' } });
    expect(line.keeper.view('K1')!.proven).toBe(false);
    expect(say({ type: 'orderbook_snapshot', sid: 1, seq: 3, msg: snapshot }).proven).toEqual(['K1']);
  });

  it('follows a Polymarket token through book, changes, trade and garbage', () => {
    const line = new TestLine('polymarket', venueDefinition('polymarket').decoder());
    const socket = line.connection('market-1#1');
    line.keeper.bind(socket, 0, ['77']);
    const say = (message: object) => line.frame(socket, JSON.stringify(message));
    const time = () => String(Math.floor(line.now / 1_000));
    const stated = [
      {
        event_type: 'book',
        asset_id: '77',
        market: '0x1',
        timestamp: time(),
        hash: 'h0',
        bids: [
          { price: '.40', size: '5' },
          { price: '.41', size: '7' },
        ],
        asks: [],
      },
    ];
    expect(say(stated).proven).toEqual(['77']);
    say({
      event_type: 'price_change',
      market: '0x1',
      timestamp: time(),
      price_changes: [
        { asset_id: '77', price: '0.41', size: '0', side: 'BUY', hash: 'h1', best_bid: '0.4', best_ask: '1' },
        {
          asset_id: '78',
          price: '0.59',
          size: '0',
          side: 'SELL',
          hash: 'h2',
          best_bid: '0',
          best_ask: '0.6',
        },
      ],
    });
    expect(line.keeper.view('77')).toEqual({ proven: true, bids: levels([40, 5]), asks: [] });
    expect(line.keeper.counters).toMatchObject({ tops_matched: 1, tops_differing: 0, unexpected: 1 });
    const trade = {
      event_type: 'last_trade_price',
      asset_id: '77',
      market: '0x1',
      price: '0.40',
      size: '1',
      side: 'SELL',
      timestamp: time(),
      transaction_hash: '0xt',
    };
    say(trade);
    say(trade);
    const [first, second] = line.of('trade');
    expect(second!.trade_id).toBe(`${first!.trade_id}-1`);
    say({ event_type: 'level_move', asset_id: '77', price: '0.40' });
    expect(line.keeper.view('77')!.proven).toBe(false);
    expect(say([{ ...stated[0], timestamp: time() }]).proven).toEqual(['77']);
    expect(line.frame(socket, 'PONG').controls).toEqual([{ type: 'pong' }]);
    expect(line.frame(socket, '{"event_type":"book","asset').resync).toMatchObject([{ instruments: ['77'] }]);
    expect(line.keeper.view('77')!.proven).toBe(false);
  });
});
