import { describe, expect, it } from 'vitest';
import { defaultAssumptions, type Packing } from '#src/cost/load.ts';
import { ceilings, type KalshiPool, needsOf, type Scenario } from '../../scripts/scaling/capacity.ts';
import { scaled } from '../../scripts/scaling/estate.ts';

const packing: Packing = {
  lanes: 16,
  lingerMillis: 100,
  maxEventsPerRecord: 500,
  snapshotIntervalSeconds: 60,
  anchorIntervalSeconds: 300,
  pollIntervalSeconds: 900,
  kalshiShare: 0.5,
};
const pool: KalshiPool = { book: 144, feeds: 6, instrumentsPerConnection: 7_500, minimumPerConnection: 400 };
const load: Scenario = { name: 'a load', instruments: 100_000, rate: 10_000, peak: 3, kalshiShare: 0.5 };
const kept = { lineDays: 14, tapeDays: 90 };
const needs = (more: Partial<Scenario>, days = kept) =>
  needsOf({ ...load, ...more }, defaultAssumptions, packing, pool, days);

describe('what a load needs', () => {
  it('grows with the messages by no more than they do', () => {
    const [one, ten] = [needs({}), needs({ rate: 100_000 })];
    for (const name of ['rowsPerDay', 'diskBytes', 'tapeBytes', 'bytesPerSecond', 'mergeShare'] as const) {
      expect(ten[name] / one[name]).toBeGreaterThan(5);
      expect(ten[name] / one[name]).toBeLessThanOrEqual(10);
    }
    expect(ten.gathererProcesses).toBeGreaterThan(one.gathererProcesses);
    expect(ten.shards).toBeGreaterThan(5 * one.shards);
  });

  it('keeps as many days as the configuration says', () => {
    const one = needs({}, { lineDays: 1, tapeDays: 1 });
    expect(needs({}).tapeBytes).toBeCloseTo(90 * one.tapeBytes, -3);
    expect(needs({}).diskBytesUncompressed).toBeCloseTo(14 * one.diskBytesUncompressed, -3);
    expect(one.diskBytes).toBe(one.diskBytesUncompressed);
    const rateOf = (tapeDays: number) =>
      ceilings(
        { shards: 8, volumeBytes: 2 ** 40, tapeBytes: 2 ** 43, peak: 3, lineDays: 14, tapeDays },
        defaultAssumptions,
      ).find(({ part }) => part === `production database: 8,192 GiB for ${tapeDays} days`)!.rate;
    expect(rateOf(45)).toBeCloseTo(2 * rateOf(90), 6);
  });

  it('opens connections as the pool does: as many as may be, and more only where there is no room', () => {
    expect(needs({ instruments: 8_000 }).kalshiConnections).toBe(10 + 6);
    expect(needs({ instruments: 200_000 }).kalshiConnections).toBe(144 + 6);
    expect(needs({ instruments: 10_000_000, kalshiShare: 1 }).kalshiConnections).toBe(1_334 + 6);
  });

  it('counts three lines against the connections of one user', () => {
    expect(needs({ instruments: 8_000 }).kalshiUsers).toBe(1);
    expect(needs({ instruments: 200_000 }).kalshiUsers).toBe(3);
  });

  it('is refused for nothing at all', () => {
    expect(() => needs({ rate: 0 })).toThrow('a load: nothing to carry');
  });
});

describe('where a configuration ends', () => {
  const configured = { shards: 8, volumeBytes: 2 ** 40, tapeBytes: 2 ** 43, peak: 3, ...kept };

  it('is told with the first part to break first, and a remedy for each', () => {
    const found = ceilings(configured, defaultAssumptions);
    const rates = found.map(({ rate }) => rate);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(found.every(({ remedy }) => remedy !== '')).toBe(true);
  });

  it('is further away with twice of what was there first', () => {
    const rateOf = (shards: number) =>
      ceilings({ ...configured, shards }, defaultAssumptions).find(({ part }) => part.startsWith('stream'))!
        .rate;
    expect(rateOf(16)).toBe(2 * rateOf(8));
  });
});

describe('an estate that grows with its load', () => {
  const resource = (type: string, properties: object) => ({ stack: 'line-a', id: type, type, properties });
  const estate = [
    resource('AWS::Kinesis::Stream', { ShardCount: 8 }),
    resource('AWS::EC2::Volume', { Size: 1_000 }),
    resource('AWS::S3::Bucket', { BucketName: 'raw' }),
  ];

  it('is never smaller than it was, and leaves alone what the load does not touch', () => {
    expect(scaled(estate, needs({ rate: 100 }))).toEqual(estate);
    const [stream, volume, bucket] = scaled(estate, needs({ rate: 100_000 }));
    expect(stream!.properties.ShardCount).toBeGreaterThan(100);
    expect(volume!.properties.Size).toBeGreaterThan(5_000);
    expect(bucket).toEqual(estate[2]);
  });
});
