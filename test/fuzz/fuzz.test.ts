import { describe, expect, it } from 'vitest';
import type { LifecycleEvent } from '#src/events/event.ts';
import { lifecycleContentKey } from '#src/events/identity.ts';
import type { AnswerProblem } from '#src/http/answer-shape.ts';
import { encodeLine } from '#src/stream/line-encoder.ts';
import type { Micros } from '#src/units/time.ts';
import { BookHashEvidence } from '#src/venues/polymarket/book-hash-evidence.ts';
import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';
import { GammaRest } from '#src/venues/polymarket/gamma.ts';
import { PolymarketRest } from '#src/venues/polymarket/rest.ts';
import { areFramesHeld, fuzzFrames } from '../../faults/fuzz/frame-fuzz.ts';
import { areAnswersHeld, fuzzRest } from '../../faults/fuzz/rest-fuzz.ts';
import { kalshi, polymarket, RECEIVED, reasons } from '../decode/fixtures.ts';

const VENUES = ['kalshi', 'polymarket'] as const;
const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

describe.each(VENUES)('%s', (venue) => {
  it('keeps a line well through mutated frames: each is counted, and books are right again afterwards', async () => {
    const { figures, examples } = await fuzzFrames({ venue, frames: 600, seed: 11 });
    expect(examples).toEqual([]);
    expect(figures.refused).toBeGreaterThan(300);
    expect(areFramesHeld(figures), JSON.stringify(figures)).toBe(true);
  });

  it('keeps REST clients well through mutated answers', async () => {
    const { figures, examples } = await fuzzRest({ venue, answers: 200, seed: 11 });
    expect(examples).toEqual([]);
    expect(figures.elements_refused).toBeGreaterThan(5);
    expect(areAnswersHeld(figures), JSON.stringify(figures)).toBe(true);
  });

  it('is fuzzed in the same way by the same seed', async () => {
    const runs = [
      await fuzzFrames({ venue, frames: 60, seed: 5 }),
      await fuzzFrames({ venue, frames: 60, seed: 5 }),
    ];
    expect(runs[1]).toEqual(runs[0]);
  });
});

describe('what fuzzing found', () => {
  it('a value nested without an end is named as what a field may not be', () => {
    expect(reasons(kalshi(DEEP))).toEqual(['wrong_shape']);
    expect(reasons(kalshi(`{"type":${DEEP}}`)).length).toBeGreaterThan(0);
    const change = `{"event_type":"price_change","market":"0x1","price_changes":[${DEEP}],"timestamp":"1703875201000"}`;
    expect(reasons(polymarket(change))).toEqual(['wrong_shape']);
  });

  it('an announcement nested without an end is kept without its fields, as a line that can be written', () => {
    const frames = [
      kalshi(
        `{"type":"market_lifecycle_v2","sid":1,"msg":{"event_type":"settled","market_ticker":"K","x":${DEEP}}}`,
      ),
      kalshi(`{"type":"event_lifecycle","sid":1,"msg":{"event_ticker":"K","x":${DEEP}}}`),
      kalshi(`{"type":"multivariate_lookup","sid":1,"msg":{"market_ticker":"K","x":${DEEP}}}`),
      polymarket(
        `{"event_type":"market_resolved","market":"0x1","assets_ids":["1"],"timestamp":"1703875201000","x":${DEEP}}`,
      ),
    ];
    for (const { events, problems } of frames) {
      const event = events[0] as LifecycleEvent;
      expect(event).toMatchObject({ kind: 'lifecycle', details: {} });
      expect(problems).toContainEqual({
        reason: 'unknown_value',
        message: expect.stringContaining('nested deeper'),
      });
      lifecycleContentKey(event);
      encodeLine({ ...event, gatherer: 'a', connection: 'c', sid: 1, seq: 1, quality: 0 });
    }
  });

  it('a book nested without an end is no evidence', () => {
    const decoder = new PolymarketDecoder(new BookHashEvidence());
    const book = `{"event_type":"book","asset_id":"1","market":"0x1","timestamp":"1703875201000","hash":"h","bids":[],"asks":[],"tick_size":${DEEP},"min_order_size":"5","neg_risk":false,"last_trade_price":"0.5"}`;
    expect(decoder.decode(book, { received_at: RECEIVED, useYesPrice: false }).events).toHaveLength(1);
  });

  it('a change message without changes is noticed', () => {
    expect(
      reasons(
        polymarket({
          event_type: 'price_change',
          market: '0x1',
          price_changes: [],
          timestamp: '1703875201000',
        }),
      ),
    ).toEqual(['empty']);
  });

  it('a frame of very many wrong elements says so a hundred times, and every instrument once', () => {
    const { problems } = polymarket(`[${'0,'.repeat(5_000)}0]`);
    expect(problems).toHaveLength(100);
    const unreadable = Array.from({ length: 300 }, (_, token) => ({
      asset_id: `${token}`,
      price: 'x',
      size: '1',
      side: 'BUY',
    }));
    const named = polymarket({
      event_type: 'price_change',
      market: '0x1',
      timestamp: '1703875201000',
      price_changes: [...unreadable, ...unreadable],
    }).problems;
    expect(new Set(named.map(({ instrument }) => instrument)).size).toBe(300);
    expect(named.length).toBeLessThan(500);
  });

  const answering = (text: string) => {
    const problems: AnswerProblem[] = [];
    const options = {
      baseUrl: 'http://venue.test',
      clock: () => RECEIVED as Micros,
      sleep: async () => {},
      random: () => 0.5,
      fetch: async () => new Response(text),
      problem: (problem: AnswerProblem) => void problems.push(problem),
    };
    return { options, problems };
  };

  it('a market nested without an end costs the listing no other market', async () => {
    const market = { id: '1', conditionId: '0x1', question: 'q' };
    const { options, problems } = answering(
      `[${JSON.stringify(market)},{"id":"2","conditionId":"0x2","x":${DEEP}}]`,
    );
    const found = await new GammaRest(options).marketsByCondition(['0x1']);
    expect(found.map(({ conditionId }) => conditionId)).toEqual(['0x1']);
    expect(problems).toContainEqual(
      expect.objectContaining({ subject: '0x2', message: expect.stringContaining('nested deeper') }),
    );
  });

  it('a server clock beyond what can be counted is an answer out of shape', async () => {
    for (const seconds of ['1700000020000020', '9700000020']) {
      const { options } = answering(seconds);
      await expect(new PolymarketRest(options).time()).rejects.toMatchObject({ outcome: 'wrong_shape' });
    }
  });
});
