import { describe, expect, it } from 'vitest';
import type { Gatherer } from '../../containers/gatherer/gatherer.ts';
import { healthOf } from '../../containers/gatherer/status.ts';

interface Situation {
  readonly listed?: boolean;
  readonly states?: readonly string[];
  readonly expected?: number;
  readonly proven?: number;
  readonly unauthorized?: boolean;
  readonly failure?: string;
}

/** What `healthOf` looks at, of one venue. */
function gatherer(situation: Situation): Gatherer {
  const { listed = true, states = ['open'], expected = 10, proven = 10, unauthorized = false } = situation;
  const line = {
    status: () => ({
      connections: states.map((state) => ({ state })),
      keeper: { expected, bound: expected, proven },
      unauthorized,
    }),
  };
  return {
    listed,
    venues: [{ venue: 'kalshi', line }],
    listingFailures: new Map(situation.failure === undefined ? [] : [['kalshi', situation.failure]]),
  } as unknown as Gatherer;
}

const reasons = (situation: Situation): readonly string[] => healthOf(gatherer(situation)).reasons;

describe("a line's health", () => {
  it('is good while it captures, and before the first listing is complete', () => {
    expect(healthOf(gatherer({}))).toEqual({ ok: true, reasons: [] });
    expect(healthOf(gatherer({ listed: false, states: ['connecting'], proven: 0 })).ok).toBe(true);
    expect(healthOf(gatherer({ states: ['replacing'] })).ok).toBe(true);
  });

  it('names why it does not capture', () => {
    expect(reasons({ states: ['waiting', 'connecting'] })).toEqual(['kalshi: no connection is open']);
    expect(reasons({ proven: 0 })).toEqual(['kalshi: no book is proven']);
    expect(reasons({ unauthorized: true })).toEqual(['kalshi: the venue refuses the key']);
  });

  it('names what keeps the markets from being listed, already before the first listing', () => {
    expect(healthOf(gatherer({ listed: false, failure: 'getaddrinfo ENOTFOUND' }))).toEqual({
      ok: false,
      reasons: ['kalshi: markets cannot be listed: getaddrinfo ENOTFOUND'],
    });
  });
});
