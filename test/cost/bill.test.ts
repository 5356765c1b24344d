import { describe, expect, it } from 'vitest';
import { billOf } from '#src/cost/bill.ts';
import { billingRules, freeTypes } from '#src/cost/billing-rules.ts';
import { defaultAssumptions, lineTraffic, type Packing, shardsFor } from '#src/cost/load.ts';
import { priceOf, readPriceList } from '#src/cost/price-list.ts';
import { publishedMetricCount } from '#src/cost/rules/operations.ts';
import { sensitivityOf } from '#src/cost/sensitivity.ts';
import { type CostedResource, resourcesOf } from '#src/cost/template-resources.ts';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { Synthesized } from '../infrastructure/synthesized.ts';

const prices = readPriceList('us-east-1');
const packing: Packing = {
  lanes: 1,
  lingerMillis: 100,
  maxEventsPerRecord: 500,
  snapshotIntervalSeconds: 60,
  anchorIntervalSeconds: 300,
  pollIntervalSeconds: null,
  kalshiShare: 0.5,
};
/** Ten events of 330 bytes and one heartbeat of 170 a second, and nothing else. */
const assumptions = { ...defaultAssumptions, rate: 10, instruments: 1, active_share: 0 };

const resource = (type: string, properties: object, id = 'Thing', stack = 'stack'): CostedResource => ({
  stack,
  id,
  type,
  properties,
});
const dollarsOf = (resources: readonly CostedResource[], service: string, item: RegExp): number => {
  const { lines } = billOf(resources, assumptions, packing, prices);
  return lines
    .filter((line) => line.service === service && item.test(line.item))
    .reduce((sum, line) => sum + line.dollars, 0);
};

describe('the traffic of a line', () => {
  it('is its events and heartbeats, in a record per lane and linger that had any', () => {
    const traffic = lineTraffic(assumptions, packing);
    expect(traffic.lines).toBe(11);
    expect(traffic.bytes).toBe(3_470);
    // Ten lingers a second, of which e^-1.1 have nothing: 10 x (1 - 0.33287) = 6.671 records of 520 bytes.
    expect(traffic.records).toBeCloseTo(6.671, 3);
    expect(traffic.roundedTo(1_024)).toBeCloseTo(6.671 * 1_024, 0);
    expect(traffic.roundedTo(100)).toBeCloseTo(6.671 * 600, 0);
  });

  it('is one record per event where records hold no more', () => {
    expect(lineTraffic(assumptions, { ...packing, maxEventsPerRecord: 1 }).records).toBe(11);
  });

  it('has the snapshots of books that change, and the polled books of all', () => {
    const busy = { ...assumptions, instruments: 6_000, active_share: 0.1 };
    // 600 books a minute of 900 bytes, 1,800 whole ones every five minutes of 2,000.
    expect(lineTraffic(busy, packing).lines).toBe(11 + 10 + 6);
    expect(lineTraffic(busy, packing).bytes).toBe(3_470 + 9_000 + 12_000);
    expect(lineTraffic(busy, { ...packing, pollIntervalSeconds: 600 }).bytes).toBe(
      3_470 + 9_000 + 12_000 + 20_000,
    );
  });

  it('needs a shard per mebibyte or thousand records of its peak', () => {
    const traffic = { lines: 0, bytes: 1_048_576, records: 500, roundedTo: () => 0 };
    expect(shardsFor(traffic, 3)).toBe(3);
    expect(shardsFor({ ...traffic, records: 2_500 }, 3)).toBe(8);
    expect(shardsFor({ ...traffic, bytes: 1, records: 1 }, 3)).toBe(1);
  });
});

describe('the bill', () => {
  it('of a task is its processors, memory and disk', () => {
    const task = resource('AWS::ECS::TaskDefinition', {
      Cpu: '4096',
      Memory: '16384',
      EphemeralStorage: { SizeInGiB: 200 },
    });
    expect(dollarsOf([task], 'Fargate', /processors/)).toBeCloseTo(4 * 730 * 0.03238, 2);
    expect(dollarsOf([task], 'Fargate', /memory/)).toBeCloseTo(16 * 730 * 0.00356, 2);
    expect(dollarsOf([task], 'Fargate', /disk/)).toBeCloseTo(180 * 730 * 0.000111, 2);
  });

  it('of a database in two zones is twice that of one', () => {
    const database = (MultiAZ: boolean) =>
      resource('AWS::RDS::DBInstance', { MultiAZ, DBInstanceClass: 'db.m7g.large', AllocatedStorage: '400' });
    expect(dollarsOf([database(true)], 'RDS', /./)).toBeCloseTo(245.28 + 92, 2);
    expect(dollarsOf([database(false)], 'RDS', /./)).toBeCloseTo(122.64 + 46, 2);
  });

  it('of a database has what the tape grows to by the days that are kept, where that is more than it begins with', () => {
    const database = resource('AWS::RDS::DBInstance', {
      DBInstanceClass: 'db.m7g.large',
      AllocatedStorage: '20',
    });
    const keeping = (days: object) =>
      resource(
        'AWS::Lambda::Function',
        { MemorySize: 512, Environment: { Variables: { TAPE_DAYS: JSON.stringify(days) } } },
        'RetentionFunction',
      );
    const storage = (days: object): number => dollarsOf([database, keeping(days)], 'RDS', /storage/);
    // Ten rows a second of 220 bytes and 22 in the index by time: 0.195 GiB a day.
    const daily = (10 * (220 + 22) * 86_400) / 2 ** 30;
    expect(storage({ every: 10 })).toBeCloseTo(20 * 0.115, 2);
    expect(storage({ every: 1_000, trades: 5_000 })).toBeCloseTo(1_000 * daily * 0.115, 2);
    expect(storage({ every: 10, order_book_deltas: 2_000 })).toBeCloseTo(2_000 * daily * 0.115, 2);
    expect(storage({ every: 0 })).toBeCloseTo(360 * daily * 0.115, 2);
  });

  it('of a volume has what exceeds what is included, and its snapshots', () => {
    const volume = resource('AWS::EC2::Volume', { Size: 1_000, Iops: 3_000, Throughput: 250 });
    const policy = resource('AWS::DLM::LifecyclePolicy', {
      PolicyDetails: { Schedules: [{ RetainRule: { Interval: 10 } }] },
    });
    expect(dollarsOf([volume], 'EC2', /./)).toBeCloseTo(80 + 125 * 0.04, 2);
    // Half of it is used, and a twentieth of that changes a day: 500 x 1.5 GB.
    expect(dollarsOf([volume, policy], 'EC2', /snapshots/)).toBeCloseTo(37.5, 2);
  });

  it('of a stream with shards is the shards and the records', () => {
    const stream = resource('AWS::Kinesis::Stream', { ShardCount: 2, RetentionPeriodHours: 48 });
    expect(dollarsOf([stream], 'Kinesis', /^shards$/)).toBeCloseTo(2 * 730 * 0.015, 2);
    expect(dollarsOf([stream], 'Kinesis', /longer/)).toBeCloseTo(2 * 730 * 0.02, 2);
    // 6.671 records a second, one unit each: 17.53 million a month.
    expect(dollarsOf([stream], 'Kinesis', /written/)).toBeCloseTo(0.25, 2);
  });

  it('of a stream on demand is what is written, in whole kilobytes, and what each reader reads', () => {
    const stream = resource('AWS::Kinesis::Stream', { RetentionPeriodHours: 24 });
    const gigabytes = (6.6713 * 1_024 * 730 * 3_600) / 2 ** 30;
    expect(dollarsOf([stream], 'Kinesis', /on demand/)).toBeCloseTo(29.2, 2);
    expect(dollarsOf([stream], 'Kinesis', /written/)).toBeCloseTo(gigabytes * 0.08, 2);
    expect(dollarsOf([stream], 'Kinesis', /read/)).toBeCloseTo(gigabytes * 0.04, 2);
    expect(dollarsOf([stream], 'Kinesis', /longer/)).toBe(0);
  });

  it('of a delivery rounds every record up to 5 KB, for the conversion too', () => {
    const delivery = resource('AWS::KinesisFirehose::DeliveryStream', {
      ExtendedS3DestinationConfiguration: {
        BufferingHints: { IntervalInSeconds: 300, SizeInMBs: 64 },
        DataFormatConversionConfiguration: { Enabled: true },
      },
    });
    const gigabytes = (6.6713 * 5_120 * 730 * 3_600) / 2 ** 30;
    expect(dollarsOf([delivery], 'Firehose', /delivered/)).toBeCloseTo(gigabytes * 0.029, 2);
    expect(dollarsOf([delivery], 'Firehose', /Parquet/)).toBeCloseTo(gigabytes * 0.018, 2);
  });

  it('of a bucket follows its objects into colder classes', () => {
    const raw = resource(
      'AWS::S3::Bucket',
      {
        LifecycleConfiguration: {
          Rules: [
            {
              Transitions: [
                { StorageClass: 'STANDARD_IA', TransitionInDays: 30 },
                { StorageClass: 'GLACIER_IR', TransitionInDays: 90 },
              ],
            },
          ],
        },
      },
      'Raw72517081',
    );
    // Three lines, ten frames of 40 bytes a second: 2.937 GB a month, of a year.
    const monthly = (3 * 10 * 40 * 730 * 3_600) / 2 ** 30;
    expect(dollarsOf([raw], 'S3', /STANDARD$/)).toBeCloseTo(monthly * 0.023, 2);
    expect(dollarsOf([raw], 'S3', /STANDARD_IA/)).toBeCloseTo(monthly * 2 * 0.0125, 2);
    expect(dollarsOf([raw], 'S3', /GLACIER_IR/)).toBeCloseTo(monthly * 9 * 0.004, 2);
  });

  it('of a gateway has the frames, and the streams where they have no endpoint', () => {
    const gateway = resource('AWS::EC2::NatGateway', {});
    const endpoint = resource('AWS::EC2::VPCEndpoint', {
      VpcEndpointType: 'Interface',
      ServiceName: 'com.amazonaws.us-east-1.kinesis-streams',
      SubnetIds: [1, 2, 3],
    });
    const gigabytes = (bytes: number): number => (3 * bytes * 730 * 3_600) / 2 ** 30;
    expect(dollarsOf([gateway], 'Network', /^NAT/)).toBeCloseTo(32.85, 2);
    expect(dollarsOf([gateway], 'Network', /through the NAT/)).toBeCloseTo(
      gigabytes(3_200 + 3_470) * 0.045,
      2,
    );
    expect(dollarsOf([gateway, endpoint], 'Network', /through the NAT/)).toBeCloseTo(
      gigabytes(3_200) * 0.045,
      2,
    );
    expect(dollarsOf([gateway, endpoint], 'Network', /interface/)).toBeCloseTo(21.9, 2);
  });

  it('counts an alarm over several metrics as often as it has metrics', () => {
    const plain = resource('AWS::CloudWatch::Alarm', { MetricName: 'x' });
    const reckoned = resource('AWS::CloudWatch::Alarm', {
      Metrics: [{ Expression: 'a / b' }, { MetricStat: {} }, { MetricStat: {} }],
    });
    expect(dollarsOf([plain], 'CloudWatch', /^alarms/)).toBeCloseTo(0.1, 2);
    expect(dollarsOf([reckoned], 'CloudWatch', /^alarms/)).toBeCloseTo(0.2, 2);
  });

  it('adds up, and is told for a million events of the tape', () => {
    const bill = billOf([resource('AWS::EC2::EIP', {})], assumptions, packing, prices);
    expect(bill.services.reduce((sum, { dollars }) => sum + dollars, 0)).toBeCloseTo(bill.dollars, 1);
    // 26.28 million events a month.
    expect(bill.dollarsPerMillionEvents).toBeCloseTo(bill.dollars / 26.28, 2);
    expect(bill).toMatchObject({ region: 'us-east-1', pricesOf: prices.as_of });
  });

  it('counts every combination of dimensions of a published metric', () => {
    // 7 per line, 8 per line and venue, 1 per database, 3 of writers, 5 of merges, 2 + 1 of the tape, 5 + 4 + 3 per venue; of
    // export, audit and retention 5 + 5 + 7.
    expect(publishedMetricCount()).toBe(7 * 3 + 8 * 6 + 3 + 3 + 5 + 2 + 1 + 5 * 2 + 4 * 2 + 3 * 2 + 17);
  });

  it.each([
    ['a type of resource', resource('AWS::Redshift::Cluster', {}), /free: AWS::Redshift::Cluster/],
    ['a function', resource('AWS::Lambda::Function', {}, 'Mystery'), /stack Mystery: how often it runs/],
    ['a bucket', resource('AWS::S3::Bucket', {}, 'Mystery'), /bucket Mystery/],
    [
      'a class of machine',
      resource('AWS::EC2::Instance', { InstanceType: 'x9.huge' }),
      /ec2_x9_huge_hour has no price in the list of us-east-1/,
    ],
    [
      'a schedule',
      resource('AWS::Scheduler::Schedule', { ScheduleExpression: 'cron(0 0 * * ? *)' }),
      /is not a rate/,
    ],
  ])('is refused for %s that nobody has priced', (_, unknown, message) => {
    expect(() => billOf([unknown], assumptions, packing, prices)).toThrow(message);
  });
});

describe('the price list', () => {
  it('tells prices that were seen from those that nobody has checked', () => {
    const given = (seen: object) => ({
      ...prices,
      prices: { public_ipv4_hour: { usd: 1, unit: 'hour', source: 's', ...seen } },
    });
    const of = (list: typeof prices) =>
      billOf([resource('AWS::EC2::EIP', {})], assumptions, packing, {
        ...prices,
        prices: { ...prices.prices, ...list.prices },
      }).uncheckedDollars;
    expect(of(given({})) - of(given({ seen: 'a page' }))).toBeCloseTo(730, 2);
  });

  it('names where each price is to be checked', () => {
    expect(prices.as_of).toMatch(/^2026-/);
    for (const { source } of Object.values(prices.prices)) expect(source).toMatch(/^aws\.amazon\.com\//);
    expect(() => priceOf(prices, 'unknown')).toThrow('unknown has no price in the list of us-east-1');
    expect(() => readPriceList('moon-1')).toThrow('no price list of region moon-1');
  });
});

describe.each(['demo', 'prod'] as const)('every resource of %s', (environment) => {
  const resources = resourcesOf(Synthesized.of(environment).templates);

  it('is priced, or free for a reason', () => {
    const types = new Set(resources.map(({ type }) => type));
    expect([...types].filter((type) => !(type in billingRules) && !(type in freeTypes))).toEqual([]);
    expect([...types].filter((type) => type in billingRules && type in freeTypes)).toEqual([]);
    const bill = billOf(
      resources,
      defaultAssumptions,
      { ...packing, lanes: 16, pollIntervalSeconds: 900 },
      prices,
    );
    expect(bill.services.length).toBeGreaterThan(12);
    expect(bill.dollars).toBeGreaterThan(100);
  });

  it('is within the budget, far enough below it that nobody is warned of what was expected', () => {
    const load = environment === 'demo' ? { rate: 50, instruments: 2_000 } : {};
    const { dollars } = billOf(
      resources,
      { ...defaultAssumptions, ...load },
      { ...packing, lanes: 16, pollIntervalSeconds: 900 },
      prices,
    );
    const { monthly_budget_dollars } = deployableConfiguration(environment, {}).deployment;
    expect(dollars).toBeLessThan(monthly_budget_dollars * 0.8);
    expect(dollars).toBeGreaterThan(monthly_budget_dollars / 2);
  });

  it('is told by how much another choice would change the bill, the greatest first', () => {
    const original = { resources, assumptions: defaultAssumptions, packing: { ...packing, lanes: 16 } };
    const bill = billOf(original.resources, original.assumptions, original.packing, prices);
    const changes = sensitivityOf(original, bill, prices);
    const sizes = changes.map(({ difference }) => Math.abs(difference));
    expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
    const by = new Map(changes.map(({ what, difference }) => [what, difference]));
    expect(by.get('twice the events')).toBeGreaterThan(0);
    expect(by.get('no lake')).toBeLessThan(0);
    // Nothing changes: not said.
    expect(by.has('no snapshot poll')).toBe(false);
  });
});
