/** Reckons what larger loads need, and writes it between the markers of docs/scaling.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '#src/config/load.ts';
import { billOf } from '#src/cost/bill.ts';
import { daysKept, defaultAssumptions } from '#src/cost/load.ts';
import { readPriceList } from '#src/cost/price-list.ts';
import { resourcesOf } from '#src/cost/template-resources.ts';
import { keptDaysOf } from '#src/retention/prune.ts';
import { orderBookDeltas } from '#src/storage/tables.ts';
import { markdownTable, withSection } from '../../bench/report.ts';
import { packingOf, templatesOf } from '../../cli/commands/cost.ts';
import {
  ceilings,
  HOT_DAYS,
  type KalshiPool,
  type Kept,
  type Needs,
  needsOf,
  type Scenario,
} from './capacity.ts';
import { scaled } from './estate.ts';

const GB = 2 ** 30;
const TERA = 1e12;
const MILLION = 1e6;
const DOCUMENT = join(import.meta.dirname, '../../docs/scaling.md');

const scenarios: readonly Scenario[] = [
  { name: 'today', instruments: 225_000, rate: 1_552, peak: 3, kalshiShare: 0.53 },
  {
    name: '1 M instruments, ten times the messages',
    instruments: 1e6,
    rate: 15_520,
    peak: 3,
    kalshiShare: 0.9,
  },
  { name: '1 M instruments, 100,000/s', instruments: 1e6, rate: 100_000, peak: 1.5, kalshiShare: 0.9 },
  { name: '10 M instruments, 100,000/s', instruments: 1e7, rate: 100_000, peak: 1.5, kalshiShare: 0.9 },
];

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const minutes = (seconds: number): string =>
  seconds < 90 ? `${whole(seconds)} s` : `${whole(seconds / 60)} min`;

const configuration = loadConfiguration(join(import.meta.dirname, '../../config/prod.yaml'), process.env);
const { line_days, tape_days } = configuration.retention;
const kept: Kept = {
  lineDays: daysKept(keptDaysOf(line_days)(orderBookDeltas.name), defaultAssumptions),
  tapeDays: daysKept(keptDaysOf(tape_days)(orderBookDeltas.name), defaultAssumptions),
};

const figures: readonly (readonly [string, (needs: Needs, scenario: Scenario) => string])[] = [
  ['messages/s, average and highest minute', (_, { rate, peak }) => `${whole(rate)}, ${whole(rate * peak)}`],
  ['gatherer processes of one core', ({ gathererProcesses }) => whole(gathererProcesses)],
  ['memory of the gatherer, GiB', ({ gathererMemoryBytes }) => (gathererMemoryBytes / GB).toFixed(1)],
  ['connections to Kalshi', ({ kalshiConnections }) => whole(kalshiConnections)],
  ['users of Kalshi for three lines, at 200 connections each', ({ kalshiUsers }) => whole(kalshiUsers)],
  ['connections to Polymarket', ({ polymarketConnections }) => whole(polymarketConnections)],
  ["one listing of Kalshi's markets, by its rate limit", ({ listingSeconds }) => minutes(listingSeconds)],
  ['one poll of all books, by 10 requests/s', ({ pollSeconds }) => minutes(pollSeconds)],
  ['into the stream, lines/s', ({ linesPerSecond }) => whole(linesPerSecond)],
  [
    'into the stream, MB/s and records/s',
    ({ bytesPerSecond, recordsPerSecond }) =>
      `${(bytesPerSecond / MILLION).toFixed(1)}, ${whole(recordsPerSecond)}`,
  ],
  ['Kinesis shards for the highest minute', ({ shards }) => whole(shards)],
  ['writers at once (Lambda)', ({ writerConcurrency }) => whole(writerConcurrency)],
  ["rows a day in the line's database, millions", ({ rowsPerDay }) => whole(rowsPerDay / MILLION)],
  [
    'of the rows/s that one server takes, highest minute',
    ({ databaseRowsShare }) => percent(databaseRowsShare),
  ],
  [
    `line's disk for ${kept.lineDays} days, ${kept.lineDays - HOT_DAYS} of them compressed, TB`,
    ({ diskBytes }) => (diskBytes / TERA).toFixed(2),
  ],
  ['the same uncompressed, TB', ({ diskBytesUncompressed }) => (diskBytesUncompressed / TERA).toFixed(2)],
  ['merge: share of its time', ({ mergeShare }) => percent(mergeShare)],
  ['tape: rows a day, millions', ({ tapeRowsPerDay }) => whole(tapeRowsPerDay / MILLION)],
  [`production database for ${kept.tapeDays} days, TB`, ({ tapeBytes }) => (tapeBytes / TERA).toFixed(2)],
];

const packing = packingOf(configuration);
const prices = readPriceList(configuration.deployment.region);
const resources = resourcesOf(await templatesOf({ env: 'prod' }));
const { line_database, production, stream } = configuration.deployment;

const { connections, instruments_per_connection, minimum_per_connection } = configuration.venues.kalshi;
const pool: KalshiPool = {
  book: connections.book,
  feeds: connections.ticker + connections.trade + connections.lifecycle,
  instrumentsPerConnection: instruments_per_connection,
  minimumPerConnection: minimum_per_connection,
};
const needs = scenarios.map((scenario) => needsOf(scenario, defaultAssumptions, packing, pool, kept));
const needsTable = markdownTable(
  ['of one line, where nothing else is said', ...scenarios.map(({ name }) => name)],
  figures.map(([name, show]) => [name, ...needs.map((need, index) => show(need, scenarios[index]!))]),
);

const bills = scenarios.map(({ rate, instruments, peak, kalshiShare }, index) =>
  billOf(
    scaled(resources, needs[index]!),
    { ...defaultAssumptions, rate, instruments, peak_factor: peak },
    { ...packing, kalshiShare },
    prices,
  ),
);
const services = [...new Set(bills.flatMap((bill) => bill.services.map(({ service }) => service)))];
const billTable = markdownTable(
  ['dollars a month', ...scenarios.map(({ name }) => name)],
  [
    ...services.map((service) => [
      service,
      ...bills.map((bill) => whole(bill.services.find((one) => one.service === service)?.dollars ?? 0)),
    ]),
    ['**all**', ...bills.map(({ dollars }) => `**${whole(dollars)}**`)],
    ['for a million events', ...bills.map((bill) => bill.dollarsPerMillionEvents.toFixed(2))],
  ],
);

const peak = defaultAssumptions.peak_factor;
const ends = ceilings(
  {
    shards: stream.shards,
    volumeBytes: line_database.storage_gibibytes * GB,
    tapeBytes: production.storage_limit_gibibytes * GB,
    peak,
    ...kept,
  },
  defaultAssumptions,
);
const ceilingTable = markdownTable(
  ['part of `config/prod.yaml`', 'messages/s on average', 'then'],
  ends.map(({ part, rate, remedy }) => [part, whole(rate), remedy]),
);

let document = readFileSync(DOCUMENT, 'utf8');
for (const [section, content] of [
  ['ceilings', ceilingTable],
  ['needs', needsTable],
  ['bills', billTable],
] as const)
  document = withSection(document, section, content);
writeFileSync(DOCUMENT, document);
