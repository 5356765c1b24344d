import type { TapeDelta, TapeMetrics } from '../storage/production/change-queries.ts';
import type { StageLatency } from '../storage/production/latency-query.ts';
import type { Settlement, TapeAnnouncement } from '../storage/production/lifecycle-query.ts';
import type { TapeGapRow, TapeMarket, TapeTrade } from '../storage/production/tape-queries.ts';
import type { JudgedCandle } from '../tape/candles.ts';
import { formatMillionths } from '../units/decimal.ts';
import { formatRfc3339 } from '../units/time.ts';
import { columnsOf } from './columns.ts';
import type { OutputColumn } from './output-column.ts';

const QUALITY =
  'bits: 1 book suspect, 2 receive time suspect, 4 from a snapshot, 8 first after a gap, 16 without a venue time, 32 fetched by a repair';
const LINES = 'lines that saw it, as bits: a 1, b 2, c 4';

const trade = columnsOf<TapeTrade>();
export const tradeColumns = [
  trade.time('exchange_ts'),
  trade.text('venue'),
  trade.text('instrument'),
  trade.price('price'),
  trade.size('size'),
  { ...trade.text('taker_side'), about: 'buy or sell of the instrument; null where the venue does not say' },
  trade.flag('is_block'),
  trade.text('trade_id'),
  trade.time('received_at'),
  { ...trade.small('quality'), about: QUALITY },
  { ...trade.small('lines'), about: LINES },
] as const satisfies readonly OutputColumn<TapeTrade>[];

const delta = columnsOf<TapeDelta>();
export const deltaColumns = [
  delta.time('exchange_ts'),
  delta.text('venue'),
  delta.text('instrument'),
  { ...delta.text('side'), about: 'bid or ask' },
  delta.price('price'),
  {
    ...delta.size('amount'),
    about: 'micro-contracts: the signed change, or the new size where is_absolute',
  },
  delta.flag('is_absolute'),
  { ...delta.small('instant_index'), about: 'orders changes of the instrument with the same exchange_ts' },
  { ...delta.small('occurrence'), about: 'how many equal changes came before it at the same exchange_ts' },
  delta.text('hash'),
  delta.time('received_at'),
  { ...delta.small('quality'), about: QUALITY },
  { ...delta.small('lines'), about: LINES },
] as const satisfies readonly OutputColumn<TapeDelta>[];

const metric = columnsOf<TapeMetrics>();
export const metricColumns = [
  metric.time('at'),
  metric.text('venue'),
  metric.text('instrument'),
  metric.price('bid'),
  metric.price('ask'),
  {
    ...metric.whole('mid_twice'),
    about: 'micro-dollars: bid plus ask',
    text: ({ mid_twice }) => (mid_twice === null ? '' : formatMillionths(mid_twice)),
  },
  metric.price('spread'),
  metric.size('bid_depth'),
  metric.size('ask_depth'),
  metric.size('bid_depth_near'),
  metric.size('ask_depth_near'),
  metric.small('bid_levels'),
  metric.small('ask_levels'),
  metric.flag('crossed'),
  { ...metric.small('lines'), about: LINES },
] as const satisfies readonly OutputColumn<TapeMetrics>[];

const candle = columnsOf<JudgedCandle>();
export const candleColumns = [
  candle.time('bucket'),
  candle.text('venue'),
  candle.text('instrument'),
  candle.price('open'),
  candle.price('high'),
  candle.price('low'),
  candle.price('close'),
  candle.size('volume'),
  candle.small('trades'),
  candle.flag('complete'),
] as const satisfies readonly OutputColumn<JudgedCandle>[];

const gap = columnsOf<TapeGapRow>();
export const gapColumns = [
  { ...gap.text('line'), about: 'tape, a, b or c' },
  gap.text('venue'),
  { ...gap.text('instrument'), about: '* is every instrument of the venue' },
  { ...gap.time('from'), text: ({ from }) => (from === 0 ? 'beginning' : formatRfc3339(from)) },
  { ...gap.time('to'), text: ({ to }) => (to === null ? 'open' : formatRfc3339(to)) },
  gap.text('cause'),
  { name: 'causes', type: 'text[]', value: ({ causes }) => causes },
] as const satisfies readonly OutputColumn<TapeGapRow>[];

const market = columnsOf<TapeMarket>();
export const marketColumns = [
  market.text('venue'),
  market.text('market'),
  { ...market.text('status'), about: "the venue's own word" },
  market.text('title'),
  market.text('event'),
  market.text('series'),
  market.time('open_ts'),
  market.time('close_ts'),
  {
    name: 'instruments',
    type: 'text[]',
    about: 'each with its outcome',
    value: ({ instruments }) => instruments,
    text: (row) => row.instruments.map(({ instrument, outcome }) => `${outcome}=${instrument}`).join(' '),
  },
] as const satisfies readonly OutputColumn<TapeMarket>[];

const stage = columnsOf<StageLatency>();
/** Microseconds; for people milliseconds. */
const percentile = <Name extends 'p50' | 'p90' | 'p99' | 'p999'>(name: Name) => ({
  ...stage.whole(name),
  about: 'microseconds',
  text: (row: StageLatency): string => (row[name] === null ? '' : `${(row[name] / 1_000).toFixed(1)} ms`),
});
export const latencyColumns = [
  stage.text('venue'),
  stage.text('kind'),
  { ...stage.text('stage'), about: 'venue: to the first socket; tape: from there to the tape' },
  { ...stage.whole('events'), about: 'for venue, those with times to be relied on' },
  percentile('p50'),
  percentile('p90'),
  percentile('p99'),
  percentile('p999'),
] as const satisfies readonly OutputColumn<StageLatency>[];

const announcement = columnsOf<TapeAnnouncement>();
export const announcementColumns = [
  announcement.time('at'),
  announcement.text('venue'),
  { ...announcement.text('subject'), about: 'the market, or the event where is_event' },
  announcement.flag('is_event'),
  { ...announcement.text('type'), about: "the venue's own word" },
  announcement.text('status'),
  { name: 'instruments', type: 'text[]', value: ({ instruments }) => instruments },
  announcement.time('exchange_ts'),
  announcement.time('received_at'),
  { ...announcement.small('quality'), about: QUALITY },
  { ...announcement.small('lines'), about: LINES },
  {
    name: 'details',
    type: 'jsonb',
    about: 'as received',
    value: ({ details }) => details,
    text: ({ details }) => JSON.stringify(details),
  },
] as const satisfies readonly OutputColumn<TapeAnnouncement>[];

const settlement = columnsOf<Settlement>();
export const settlementColumns = [
  settlement.time('at'),
  settlement.text('venue'),
  settlement.text('market'),
  { ...settlement.text('type'), about: "the venue's own word" },
  { ...settlement.text('outcome'), about: "the venue's own word" },
  { ...settlement.text('instrument'), about: 'what pays: the token that won, or the Kalshi ticker' },
  { ...settlement.price('value'), about: 'micro-dollars that a contract of the instrument pays' },
  { ...settlement.small('lines'), about: LINES },
] as const satisfies readonly OutputColumn<Settlement>[];
