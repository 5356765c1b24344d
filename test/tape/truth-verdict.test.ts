import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '#src/config/load.ts';
import type { ComparedEvent } from '#src/tape/truth-identity.ts';
import { captureScope } from '../../local/run/capture-scope.ts';
import { isFaithful } from '../../local/run/summary.ts';

const truth = {
  events: 10,
  on_tape: 7,
  missing: 0,
  extra: 0,
  in_gaps: 2,
  after_horizon: 1,
  unsent: 4,
  undeclared: 0,
  books_compared: 5,
  books_wrong: 0,
  books_incomplete: 1,
};

describe('the verdict on a run', () => {
  it('is good when all that the tape lacks is declared', () => {
    expect(isFaithful(truth)).toBe(true);
    expect(isFaithful(null)).toBe(true);
  });

  it('is bad for anything missing, extra, undeclared or wrong', () => {
    for (const name of ['missing', 'extra', 'undeclared', 'books_wrong'])
      expect(isFaithful({ ...truth, [name]: 1 }), name).toBe(false);
  });
});

describe('what the tape is to hold', () => {
  const { venues } = loadConfiguration('config/local.yaml', {});
  const event = (venue: string, subject: string): ComparedEvent => ({
    kind: 'lifecycle',
    venue,
    subject,
    time: null,
    identity: '',
  });
  const names = (_venue: string, instrument: string): boolean => instrument === 'EXPECTED';

  it('is everything but combos', () => {
    const isWanted = captureScope({ venues }, names);
    expect(isWanted(event('kalshi', 'KXMVESPORTS-1'))).toBe(false);
    expect(isWanted(event('kalshi', 'KXHIGHNY-1'))).toBe(true);
    expect(isWanted(event('polymarket', 'KXMVESPORTS-1'))).toBe(true);
  });

  it('is combos, too, where they are captured', () => {
    const kalshi = { ...venues.kalshi, combos: true };
    expect(captureScope({ venues: { ...venues, kalshi } }, names)(event('kalshi', 'KXMVESPORTS-1'))).toBe(
      true,
    );
  });

  it('is what a line expected where a filter chooses', () => {
    const kalshi = { ...venues.kalshi, filter: { include: [], exclude: ['^KXHIGH'] } };
    const isWanted = captureScope({ venues: { ...venues, kalshi } }, names);
    expect(isWanted(event('kalshi', 'KXHIGHNY-1'))).toBe(false);
    expect(isWanted(event('kalshi', 'EXPECTED'))).toBe(true);
    expect(isWanted({ ...event('kalshi', 'KXHIGHNY'), instruments: ['EXPECTED'] })).toBe(true);
    expect(isWanted(event('polymarket', '1'))).toBe(true);
  });
});
