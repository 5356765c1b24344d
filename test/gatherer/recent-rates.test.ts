import { describe, expect, it } from 'vitest';
import { MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import { RecentRates } from '../../containers/gatherer/recent-rates.ts';

const at = (seconds: number): Micros => (seconds * MICROS_PER_SECOND) as Micros;

describe('recent rates', () => {
  it('are unknown before two samples', () => {
    const rates = new RecentRates();
    expect(rates.rates()).toBeNull();
    rates.sample(at(0), { frames: 5, events: 5 });
    expect(rates.rates()).toBeNull();
  });

  it('are those of the last minute and not of the time before', () => {
    const rates = new RecentRates();
    for (let second = 0; second <= 100; second++)
      rates.sample(at(second), { frames: second * 10, events: 1_000 * Math.min(second, 40) });
    expect(rates.rates()).toEqual({ seconds: 60, frames_per_second: 10, events_per_second: 0 });
    for (let second = 101; second <= 130; second++)
      rates.sample(at(second), { frames: second * 10, events: 40_000 + (second - 100) * 20 });
    expect(rates.rates()).toEqual({ seconds: 60, frames_per_second: 10, events_per_second: 10 });
  });
});
