/**
 * The library: what programs of your own may use of prediction-tape. Prices are micro-dollars, sizes micro-contracts,
 * times microseconds since the epoch, all integers that a JavaScript number holds exactly. `docs/library.md` explains.
 */
export type { AnswerAt, ParametersAt, RowAt, RowPath } from '#src/api/paths.ts';
export { type BookMetrics, OrderBook, SetOutcome } from '#src/book/order-book.ts';
export type {
  BookDeltaEvent,
  BookSnapshotEvent,
  EventKind,
  Level,
  LifecycleEvent,
  MarketEvent,
  Side,
  TickerEvent,
  TradeEvent,
  Venue,
} from '#src/events/event.ts';
export { ParquetError, ParquetReader, type ParquetRow } from '#src/export/read-parquet.ts';
export { type ExportedPart, exportedParts, ImportError, rowsOfPart } from '#src/import/exported-files.ts';
export { RecordingError } from '#src/recording/read-recording.ts';
export { type PlaybackSpeed, parseSpeed } from '#src/replay/pace.ts';
export type { TapeDelta } from '#src/storage/production/change-queries.ts';
export type { TapeTrade } from '#src/storage/production/tape-queries.ts';
export type { RebuiltBook } from '#src/tape/book-rebuild.ts';
export type { CandleWidth, EmptyBuckets, JudgedCandle } from '#src/tape/candles.ts';
export { DecimalError } from '#src/units/decimal.ts';
export { formatPrice, type Price, parsePrice } from '#src/units/price.ts';
export { formatSize, parseSize, type Size } from '#src/units/size.ts';
export { formatRfc3339, type Micros, parseRfc3339, TimeError } from '#src/units/time.ts';
export type { DecodedFrame, DecodeProblem, FrameContext, FrameDecoder } from '#src/venues/decoder.ts';
export { decoderOf } from './decoders.ts';
export { RemoteTapeError } from './remote-request.ts';
export { RemoteTape, type RemoteTapeSettings, type RowOptions, type RowsAsked } from './remote-tape.ts';
export { type ReplayRequest, replay } from './replay.ts';
export { type CandleQuery, Tape, type TapeQuery } from './tape.ts';
