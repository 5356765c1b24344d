import { describe, expect, it } from 'vitest';
import { segmentKey } from '#src/archive/segment-name.ts';
import type { StreamLine } from '#src/events/captured.ts';
import { encodeLine } from '#src/stream/line-encoder.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import { savedQueries } from '../../lib/constructs/saved-queries.ts';
import { capturedTable, NOT_IN_THE_LAKE } from '../../lib/glue/captured-table.ts';
import { rawTable } from '../../lib/glue/raw-table.ts';
import type { TableDefinition } from '../../lib/glue/table-definition.ts';
import { tapeTables } from '../../lib/glue/tape-tables.ts';
import { Synthesized } from './synthesized.ts';

const time = 1_700_000_000_123_456 as Micros;
const price = 540_000 as Price;
const size = 12_000_000 as Size;

const observed = { venue: 'kalshi', received_at: time } as const;
const provenance = { gatherer: 'a', connection: 'a/kalshi-book-1#1', sid: 1, seq: 2, quality: 0 } as const;
const placed = { instrument: 'KX-1', exchange_ts: time } as const;
const change = { side: 'bid', price, hash: 'h', occurrence: 0, instant_index: 0 } as const;

/** One line of every shape, with every field that its type declares. */
const samples: {
  readonly [Kind in StreamLine['kind']]: readonly Required<Extract<StreamLine, { kind: Kind }>>[];
} = {
  trade: [
    {
      kind: 'trade',
      ...observed,
      ...provenance,
      ...placed,
      trade_id: 't',
      price,
      size,
      taker_side: 'buy',
      is_block: false,
    },
  ],
  book_delta: [
    {
      kind: 'book_delta',
      ...observed,
      ...provenance,
      ...placed,
      ...change,
      change: size,
      size: undefined as never,
    },
    {
      kind: 'book_delta',
      ...observed,
      ...provenance,
      ...placed,
      ...change,
      size,
      change: undefined as never,
    },
  ],
  book_snapshot: [
    {
      kind: 'book_snapshot',
      ...observed,
      ...provenance,
      ...placed,
      source: 'ws',
      bids: [[price, size]],
      asks: [],
      snapshot_ts: time,
      hash: 'h',
      depth: 20,
      instant_index: 0,
    },
  ],
  ticker: [
    {
      kind: 'ticker',
      ...observed,
      ...provenance,
      ...placed,
      bid: price,
      ask: price,
      bid_size: size,
      ask_size: size,
      last: price,
      volume: size,
      open_interest: size,
    },
  ],
  lifecycle: [
    {
      kind: 'lifecycle',
      ...observed,
      ...provenance,
      market: 'KX-1',
      event: 'KX',
      instruments: ['KX-1'],
      type: 'settled',
      status: 'settled',
      details: {},
      exchange_ts: time,
    },
  ],
  gap: [
    {
      kind: 'gap',
      ...observed,
      ...provenance,
      gap_id: 'g',
      instruments: ['KX-1'],
      all: true,
      from: time,
      to: time,
      cause: 'stalled',
    },
  ],
  book_metrics: [
    {
      kind: 'book_metrics',
      venue: 'kalshi',
      instrument: 'KX-1',
      gatherer: 'a',
      at: time,
      bid: 1,
      ask: 1,
      mid_twice: 1,
      spread: 1,
      bid_depth: 1,
      ask_depth: 1,
      bid_depth_near: 1,
      ask_depth_near: 1,
      bid_levels: 1,
      ask_levels: 1,
      crossed: false,
    },
  ],
  heartbeat: [
    {
      kind: 'heartbeat',
      gatherer: 'a',
      epoch: 'e',
      lane: 0,
      lanes: 16,
      started_at: time,
      durable_until: time,
      proven_until: { kalshi: time, polymarket: time },
    },
  ],
  market: [
    {
      kind: 'market',
      venue: 'kalshi',
      gatherer: 'a',
      market: 'KX-1',
      event: 'KX',
      series: 'K',
      title: 'T',
      status: 'open',
      open_ts: time,
      close_ts: time,
      instruments: [],
      updated_at: time,
      details: {},
    },
  ],
};

/** What a column of this type may be in JSON. */
function fits(type: string, value: unknown): boolean {
  if (type === 'string') return typeof value === 'string';
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'bigint') return Number.isSafeInteger(value);
  if (type === 'int') return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
  const [, of] = /^array<(.+)>$/.exec(type)!;
  return Array.isArray(value) && value.every((part) => fits(of!, part));
}

describe('the table of what was captured', () => {
  const columns = new Map(capturedTable.columns.map(({ name, type }) => [name as string, type]));
  const inThePath = capturedTable.partitionKeys.map(({ name }) => name as string);

  it.each(Object.keys(samples) as StreamLine['kind'][])(
    'takes every field of a %s as the stream has it',
    (kind) => {
      for (const sample of samples[kind]) {
        const fields = JSON.parse(encodeLine(sample as StreamLine)) as Record<string, unknown>;
        const misfits = Object.entries(fields)
          .filter(([name]) => !NOT_IN_THE_LAKE.includes(name) && !inThePath.includes(name))
          .filter(([name, value]) => !columns.has(name) || !fits(columns.get(name)!, value));
        expect(misfits).toEqual([]);
      }
    },
  );

  it('has no column that nothing fills, and none twice', () => {
    const filled = new Set(
      Object.values(samples).flatMap((lines) =>
        lines.flatMap((line) => Object.keys(JSON.parse(encodeLine(line as StreamLine)))),
      ),
    );
    expect(capturedTable.columns.filter(({ name }) => !filled.has(name))).toEqual([]);
    expect(columns.size).toBe(capturedTable.columns.length);
    expect(inThePath.filter((name) => columns.has(name))).toEqual([]);
  });
});

it('raw segments lie where their table looks for them', () => {
  const key = segmentKey('kalshi', 'b', { group: 'kalshi-book', start: time, epoch: 'e' });
  const [, folders] = /^(.*\/)[^/]+$/.exec(key)!;
  const expected = rawTable.partitionKeys.map(({ name }) => `${name}=([^/]+)/`).join('');
  expect(folders).toMatch(new RegExp(`^${rawTable.prefix}${expected}$`));
  expect(folders).toContain('date=2023-11-14/hour=22/');
});

it('the tables of the tape have the columns of production, without what stays with a line', () => {
  const trades = tapeTables.find(({ name }) => name === 'tape_trades')!;
  expect(trades.columns.map(({ name }) => name)).toEqual([
    'instrument',
    'trade_id',
    'exchange_ts',
    'price',
    'size',
    'taker_side',
    'is_block',
    'received_at',
    'quality',
    'lines',
  ]);
  expect(tapeTables.map(({ prefix }) => prefix)).toEqual([
    'tape/trades/',
    'tape/order_book_deltas/',
    'tape/order_book_delta_arrivals/',
    'tape/order_book_snapshots/',
    'tape/tickers/',
    'tape/market_lifecycle/',
    'tape/order_book_metrics/',
  ]);
});

describe('saved queries', () => {
  const tables = new Map<string, TableDefinition>(
    [capturedTable, rawTable, ...tapeTables].map((table) => [table.name, table]),
  );

  it.each(savedQueries().map(({ name, text }) => [name, text]))(
    '%s reads a table that there is, and not all of it',
    (_, text) => {
      const named = [...text.matchAll(/\bFROM\s+(\w+)/g)].map(([, table]) => table!);
      expect(named).toHaveLength(1);
      const table = tables.get(named[0]!)!;
      expect(table).toBeDefined();
      // Every table begins a new partition each day, and a query without a day reads years.
      expect(text).toMatch(/\bdate (=|>=) date_format\(/);
      const known = new Set([...table.columns, ...table.partitionKeys].map(({ name }) => name as string));
      const selected = [
        ...text.matchAll(/\b(?:WHERE|AND|GROUP BY|count\(DISTINCT|min\(|max\(|sum\(|length\()\s*(\w+)/g),
      ].map(([, column]) => column!);
      expect(
        selected.filter((column) => !known.has(column) && !['length', 'lines'].includes(column)),
      ).toEqual([]);
    },
  );
});

describe.each(['demo', 'prod'] as const)('the lake of %s', (environment) => {
  const synthesized = Synthesized.of(environment);
  const tables = synthesized
    .resources('AWS::Glue::Table', 'query')
    .map(({ Properties }) => Properties.TableInput);

  it.each(['a', 'b', 'c'])('gets what line %s captured as Parquet, under its own partitions', (gatherer) => {
    const { Properties } = synthesized.resource(
      'AWS::KinesisFirehose::DeliveryStream',
      `gatherer-${gatherer}`,
    );
    const { KinesisStreamSourceConfiguration, ExtendedS3DestinationConfiguration: target } = Properties;
    expect(KinesisStreamSourceConfiguration.KinesisStreamARN['Fn::ImportValue']).toContain(
      `line-${gatherer}:`,
    );
    expect(target.BucketARN['Fn::ImportValue']).toMatch(/archive:.*Lake/);
    expect(target.Prefix).toBe(
      `captured/gatherer=${gatherer}/date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/`,
    );
    // What does not convert is kept, and not among what the table reads.
    expect(target.ErrorOutputPrefix).toMatch(/^failed\/!\{firehose:error-output-type\}\//);
    const { SchemaConfiguration, OutputFormatConfiguration } = target.DataFormatConversionConfiguration;
    expect(OutputFormatConfiguration.Serializer.ParquetSerDe).toBeDefined();
    expect(SchemaConfiguration.TableName['Fn::ImportValue']).toMatch(/query:.*Captured/);
    expect(target.CloudWatchLoggingOptions.Enabled).toBe(true);
  });

  it('is laid out as the table of what was captured projects it', () => {
    const captured = tables.find(({ Name }) => Name === 'captured');
    expect(captured.Parameters).toMatchObject({
      'projection.enabled': 'true',
      'projection.gatherer.type': 'enum',
      'projection.gatherer.values': 'a,b,c',
      'projection.date.type': 'date',
      'projection.date.format': 'yyyy-MM-dd',
      'projection.hour.digits': '2',
    });
    expect(JSON.stringify(captured.Parameters['storage.location.template'])).toContain(
      '/captured/gatherer=${gatherer}/date=${date}/hour=${hour}/',
    );
  });

  it('is read without a crawler: every table projects every partition key', () => {
    expect(tables).toHaveLength(9);
    for (const { Parameters, PartitionKeys } of tables) {
      expect(Parameters['projection.enabled']).toBe('true');
      for (const { Name } of PartitionKeys) expect(Parameters[`projection.${Name}.type`]).toBeDefined();
    }
  });

  it('lets no query read without limit', () => {
    const { BytesScannedCutoffPerQuery } = synthesized.resource('AWS::Athena::WorkGroup', 'query').Properties
      .WorkGroupConfiguration;
    expect(BytesScannedCutoffPerQuery).toBe(environment === 'demo' ? 53_687_091_200 : 1_099_511_627_776);
    expect(synthesized.resources('AWS::Athena::NamedQuery', 'query')).toHaveLength(savedQueries().length);
  });
});
