import { GB, MONTH_SECONDS } from '../load.ts';
import { type BillingRule, type Charge, type Estate, LINES, UnknownCost } from './rule.ts';
import { filesPerDay, pollChunks } from './streams.ts';

const MILLION = 1_000_000;
const DAYS_PER_MONTH = 30;
const DAY_SECONDS = 86_400;
const CLASSES: Readonly<Record<string, string>> = {
  STANDARD: 's3_standard_gb_month',
  STANDARD_IA: 's3_infrequent_gb_month',
  // Of what nobody reads; it moves back by itself.
  INTELLIGENT_TIERING: 's3_infrequent_gb_month',
  GLACIER_IR: 's3_glacier_instant_gb_month',
};
/** Per row of the tape, sorted and compacted: the figure to reach. */
const TAPE_BYTES = 9;
/** Segments of raw frames: one per venue and five minutes. */
const RAW_OBJECTS_PER_SECOND = (2 * LINES) / 300;
/** Units of 1 KB of a request's ledger item: names of a hundred tickers, or of 250 tokens. */
const LEDGER_UNITS = 12;
/** Units a request takes of the shared rate. */
const BUDGET_UNITS = 1;
/** Announcements of a market in its catalogue, a day and line. */
const MARKET_WRITES_PER_DAY = 2;
/** Of 4 KB, eventually consistent: a market takes about half a kilobyte. */
const READ_UNITS_PER_MARKET = 0.0625;
const CATALOGUE_BYTES = 700;

/** Bytes a second and objects a second that come into a bucket. */
function inflowOf(id: string, { assumptions, traffic }: Estate): { bytes: number; objects: number } {
  if (/^Raw/.test(id))
    return { bytes: LINES * assumptions.rate * assumptions.raw_bytes, objects: RAW_OBJECTS_PER_SECOND };
  // Its writes are charged with the delivery.
  if (/^Lake/.test(id)) return { bytes: LINES * traffic.lines * assumptions.lake_bytes, objects: 0 };
  if (/^Tape/.test(id)) {
    // A file and, for most, a manifest; and a report of each audit.
    const objects =
      (2 * filesPerDay({ assumptions, traffic })) / DAY_SECONDS + 1 / assumptions.audit_span_seconds;
    return { bytes: assumptions.rate * TAPE_BYTES, objects };
  }
  // What was given up, results of queries, and records of who asked: little, and gone after a while.
  if (/^(Undelivered|Results|AccessLogs)/.test(id)) return { bytes: 0, objects: 0 };
  throw new UnknownCost(`bucket ${id}: what comes into it is not known`);
}

const bucket: BillingRule = ({ id, properties }, estate) => {
  const { bytes, objects } = inflowOf(id, estate);
  const monthly = (bytes * MONTH_SECONDS) / GB;
  const { stored_months } = estate.assumptions;
  const transitions: { class: string; from: number }[] = (properties.LifecycleConfiguration?.Rules ?? [])
    .flatMap(
      (rule: { Transitions?: { StorageClass: string; TransitionInDays: number }[] }) =>
        rule.Transitions ?? [],
    )
    .map(({ StorageClass, TransitionInDays }: { StorageClass: string; TransitionInDays: number }) => ({
      class: StorageClass,
      from: TransitionInDays / DAYS_PER_MONTH,
    }))
    .sort((one: { from: number }, other: { from: number }) => one.from - other.from);
  const stages = [{ class: 'STANDARD', from: 0 }, ...transitions];
  const charges = stages.map((stage, index): Charge => {
    const until = Math.min(stored_months, stages[index + 1]?.from ?? stored_months);
    const price = CLASSES[stage.class];
    if (price === undefined) throw new UnknownCost(`bucket ${id}: storage class ${stage.class}`);
    return {
      service: 'S3',
      item: `${id.replace(/[0-9A-F]{8}$/, '').toLowerCase()} bucket, ${stage.class}`,
      quantity: monthly * Math.max(0, until - stage.from),
      price,
    };
  });
  return [
    ...charges,
    { service: 'S3', item: 'writes', quantity: (objects * MONTH_SECONDS) / 1_000, price: 's3_put_thousand' },
    {
      service: 'S3',
      item: 'moves to colder classes',
      quantity: (objects * transitions.length * MONTH_SECONDS) / 1_000,
      price: 's3_transition_thousand',
    },
  ];
};

const table: BillingRule = ({ properties }, estate) => {
  if (properties.BillingMode !== 'PAY_PER_REQUEST')
    throw new UnknownCost('a table with provisioned capacity');
  const { assumptions, packing } = estate;
  const runs = packing.pollIntervalSeconds === null ? 0 : MONTH_SECONDS / packing.pollIntervalSeconds;
  const chunks = pollChunks(estate);
  const catalogueWrites = assumptions.instruments * MARKET_WRITES_PER_DAY * LINES * DAYS_PER_MONTH;
  // Planned and done: the item is written twice.
  const writes = runs * chunks * (2 * LEDGER_UNITS + BUDGET_UNITS) + catalogueWrites;
  const reads = runs * (assumptions.instruments * READ_UNITS_PER_MARKET + (chunks * LEDGER_UNITS) / 4);
  return [
    { service: 'DynamoDB', item: 'writes', quantity: writes / MILLION, price: 'dynamodb_write_million' },
    { service: 'DynamoDB', item: 'reads', quantity: reads / MILLION, price: 'dynamodb_read_million' },
    {
      service: 'DynamoDB',
      item: 'storage',
      quantity: (assumptions.instruments * CATALOGUE_BYTES) / GB,
      price: 'dynamodb_gb_month',
    },
  ];
};

/** Buckets, tables and queries over them. */
export const storeRules: Readonly<Record<string, BillingRule>> = {
  'AWS::S3::Bucket': bucket,
  'AWS::DynamoDB::Table': table,
  'AWS::Athena::WorkGroup': (_, { assumptions }) => [
    { service: 'Athena', item: 'scanned', quantity: assumptions.athena_tb, price: 'athena_tb' },
  ],
};
