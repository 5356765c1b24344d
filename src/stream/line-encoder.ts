import type { FeedEvent } from '../capture/sink.ts';
import type { Occurrence, Provenance, StreamLine } from '../events/captured.ts';
import type { BookDeltaEvent, Level, TickerEvent, TradeEvent } from '../events/event.ts';
import {
  copyWords,
  type Words,
  wordCount,
  wordsOf,
  writeEight,
  writeInteger,
  writeWords,
} from '../units/ascii-words.ts';
import { partitionNumber } from './lanes.ts';

type Line<Kind extends StreamLine['kind']> = Extract<StreamLine, { kind: Kind }>;
/** What makes up the feed. */
export type FeedLine = Line<'book_delta' | 'trade' | 'ticker' | 'book_snapshot'>;

/** Anything that JSON escapes, or that takes more than one byte in UTF-8. */
const NOT_PLAIN = /[^ !#-[\]-~]/;
const BEYOND_ASCII = /[\u007f-\uffff]/;
const EACH_BEYOND_ASCII = /[\u007f-\uffff]/g;

/** JSON in ASCII: everything beyond is written as an escape, so that characters and bytes are the same number. */
function asciiJson(value: unknown): string {
  const text = JSON.stringify(value);
  return BEYOND_ASCII.test(text) ? text.replace(EACH_BEYOND_ASCII, escapeUnit) : text;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A text as JSON. */
function quoted(text: string): string {
  return NOT_PLAIN.test(text) ? asciiJson(text) : `"${text}"`;
}

/** Instruments and origins that are remembered, and the words of eight bytes that the instruments may take. */
const REMEMBERED = 65_536;
const SUBJECT_WORDS = 1_048_576;
const FIRST_SUBJECT_WORDS = 8_192;
const RECENT_ORIGINS = 16;
/** Quality bits beyond these are not among the origins that are remembered. */
const QUALITIES = 64;
/** A line with a longer piece is left to `JSON.stringify`. */
const LONGEST_PIECE = 512;
/** More than everything in a line but its levels, and what is overwritten behind it. */
export const EVENT_ROOM = 4 * LONGEST_PIECE;
/** More than a level takes: two integers of 17 characters, brackets and commas. */
const LEVEL_ROOM = 40;

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const DELETE = 127;

/** Times from here on, and up to ten times this, have sixteen digits. */
const SIXTEEN_DIGITS = 1e15;
const HUNDRED_MILLION = 100_000_000;

const DELTA = wordsOf('{"kind":"book_delta');
const TRADE = wordsOf('{"kind":"trade');
const TICKER = wordsOf('{"kind":"ticker');
const SNAPSHOT = wordsOf('{"kind":"book_snapshot');
const BID_PRICE = wordsOf(',"side":"bid","price":');
const ASK_PRICE = wordsOf(',"side":"ask","price":');
const CHANGE = wordsOf(',"change":');
const SIZE = wordsOf(',"size":');
const HASH = wordsOf(',"hash":"');
const TRADE_ID = wordsOf(',"trade_id":"');
const PRICE_BEHIND_TEXT = wordsOf('","price":');
const TAKER_BUY = wordsOf(',"taker_side":"buy"');
const TAKER_SELL = wordsOf(',"taker_side":"sell"');
const TAKER_NULL = wordsOf(',"taker_side":null');
const IS_BLOCK = wordsOf(',"is_block":true');
const NO_BLOCK = wordsOf(',"is_block":false');
const BID = wordsOf(',"bid":');
const ASK = wordsOf(',"ask":');
const BID_SIZE = wordsOf(',"bid_size":');
const ASK_SIZE = wordsOf(',"ask_size":');
const LAST = wordsOf(',"last":');
const VOLUME = wordsOf(',"volume":');
const OPEN_INTEREST = wordsOf(',"open_interest":');
const SOURCES = {
  ws: wordsOf(',"source":"ws","bids":['),
  rest: wordsOf(',"source":"rest","bids":['),
  engine: wordsOf(',"source":"engine","bids":['),
} as const;
const ASKS = wordsOf('],"asks":[');
const SNAPSHOT_TS = wordsOf('],"snapshot_ts":');
const DEPTH = wordsOf(',"depth":');
const EXCHANGE_TS = wordsOf(',"exchange_ts":');
const RECEIVED_AT = wordsOf(',"received_at":');
const NULL = wordsOf('null');
const NO_OCCURRENCE = wordsOf(',"occurrence":0,"instant_index":0}\n');
const OCCURRENCE = wordsOf(',"occurrence":');
const INSTANT_INDEX = wordsOf(',"instant_index":');
const END = wordsOf('}\n');

interface Origin extends Words {
  readonly connection: string;
  readonly gatherer: string;
  readonly sid: number;
  readonly quality: number;
}

/** What the words of a subject are made of. */
type SubjectOf = Pick<FeedLine, 'venue' | 'instrument'>;

interface Subject {
  readonly venue: string;
  /** Where its words begin among all. */
  readonly first: number;
  readonly length: number;
  readonly partition: number;
}

const NO_ORIGIN: Origin = { ...wordsOf(''), connection: '', gatherer: '', sid: -1, quality: -1 };

/**
 * Writes stream lines as ASCII JSON, each with its newline. The kinds that make up the feed are written field by
 * field, straight into the record's bytes, and only their documented fields; what is unusual in any way, and the
 * rarer kinds, are for `encodeLine`. What recurs (instrument, origin, names of fields) is copied in words of eight
 * bytes.
 */
export class LineEncoder {
  private readonly lanes: number;
  private readonly subjects = new Map<string, Subject>();
  private words = new Float64Array(FIRST_SUBJECT_WORDS);
  private usedWords = 0;
  private readonly origins = new Map<string, Map<number, Origin>>();
  /** By the last bits of the subscription: those of a connection take turns. */
  private readonly recentOrigins = new Array<Origin>(RECENT_ORIGINS).fill(NO_ORIGIN);
  /** The first eight of a time's sixteen digits, which stay the same for a hundred seconds. */
  private lastTimeHigh = -1;
  private readonly timeHigh = new DataView(new ArrayBuffer(8));
  private timeHighWord = 0;
  /** Something in the line at hand is not as it should be. */
  private isOdd = false;

  /** @param lanes partitions over which the lanes are spread. */
  constructor(lanes = 1) {
    this.lanes = lanes;
  }

  /** Bytes that have to be free for `write`; 0 for a line that it does not write. */
  room(line: StreamLine): number {
    switch (line.kind) {
      case 'book_delta':
      case 'trade':
      case 'ticker':
        return EVENT_ROOM;
      case 'book_snapshot':
        return EVENT_ROOM + LEVEL_ROOM * (line.bids.length + line.asks.length);
      default:
        return 0;
    }
  }

  /** The partition of the line's lane if that is its instrument's; else -1. */
  partition(line: FeedLine, lane: string): number {
    return line.instrument === lane ? this.subject(line).partition : -1;
  }

  /** The partition of the lane of an instrument. */
  partitionOf(event: FeedEvent): number {
    return this.subject(event).partition;
  }

  /**
   * Writes the line that an event and its origin make, where `EVENT_ROOM` bytes are free at `at`.
   *
   * @returns the place behind it; -1 where it is unusual.
   */
  writeEvent(view: DataView, at: number, event: FeedEvent, origin: Provenance & Occurrence): number {
    this.isOdd = false;
    let end: number;
    switch (event.kind) {
      case 'book_delta':
        end = this.delta(view, at, event, origin);
        break;
      case 'trade':
        end = this.trade(view, at, event, origin);
        break;
      case 'ticker':
        end = this.ticker(view, at, event, origin);
        break;
    }
    return this.isOdd ? -1 : end;
  }

  /** Writes a line for which `room` bytes are free at `at`. @returns the place behind it; -1 where it is unusual. */
  write(view: DataView, at: number, line: StreamLine): number {
    this.isOdd = false;
    let end: number;
    switch (line.kind) {
      case 'book_delta':
        end = this.delta(view, at, line, line);
        break;
      case 'trade':
        end = this.trade(view, at, line, line);
        break;
      case 'ticker':
        end = this.ticker(view, at, line, line);
        break;
      case 'book_snapshot':
        end = this.snapshot(view, at, line);
        break;
      default:
        return -1;
    }
    return this.isOdd ? -1 : end;
  }

  private delta(view: DataView, from: number, line: BookDeltaEvent, origin: Provenance & Occurrence): number {
    const { hash, change } = line;
    const { occurrence, instant_index } = origin;
    let at = this.begin(view, from, DELTA, line);
    at = this.integer(view, put(view, at, line.side === 'bid' ? BID_PRICE : ASK_PRICE), line.price);
    at =
      change === undefined
        ? this.integer(view, put(view, at, SIZE), line.size)
        : this.integer(view, put(view, at, CHANGE), change);
    if (hash !== undefined) at = this.quote(view, put(view, at, HASH), hash);
    at = this.times(view, at, line);
    at = this.origin(view, at, origin);
    if (occurrence === 0 && instant_index === 0) return put(view, at, NO_OCCURRENCE);
    at = this.integer(view, put(view, at, OCCURRENCE), occurrence);
    at = this.integer(view, put(view, at, INSTANT_INDEX), instant_index);
    return put(view, at, END);
  }

  private trade(view: DataView, from: number, line: TradeEvent, origin: Provenance): number {
    const { taker_side } = line;
    let at = put(view, this.begin(view, from, TRADE, line), TRADE_ID);
    at = this.plain(view, at, line.trade_id);
    at = this.integer(view, put(view, at, PRICE_BEHIND_TEXT), line.price);
    at = this.integer(view, put(view, at, SIZE), line.size);
    at = put(view, at, taker_side === null ? TAKER_NULL : taker_side === 'buy' ? TAKER_BUY : TAKER_SELL);
    at = put(view, at, line.is_block ? IS_BLOCK : NO_BLOCK);
    at = this.times(view, at, line);
    return put(view, this.origin(view, at, origin), END);
  }

  private ticker(view: DataView, from: number, line: TickerEvent, origin: Provenance): number {
    let at = this.begin(view, from, TICKER, line);
    at = this.figure(view, put(view, at, BID), line.bid);
    at = this.figure(view, put(view, at, ASK), line.ask);
    at = this.figure(view, put(view, at, BID_SIZE), line.bid_size);
    at = this.figure(view, put(view, at, ASK_SIZE), line.ask_size);
    at = this.figure(view, put(view, at, LAST), line.last);
    at = this.figure(view, put(view, at, VOLUME), line.volume);
    at = this.figure(view, put(view, at, OPEN_INTEREST), line.open_interest);
    at = this.times(view, at, line);
    return put(view, this.origin(view, at, origin), END);
  }

  private snapshot(view: DataView, from: number, line: Line<'book_snapshot'>): number {
    const { hash, depth, instant_index } = line;
    let at = put(view, this.begin(view, from, SNAPSHOT, line), SOURCES[line.source]);
    at = put(view, this.levels(view, at, line.bids), ASKS);
    at = put(view, this.levels(view, at, line.asks), SNAPSHOT_TS);
    at = this.time(view, at, line.snapshot_ts);
    if (hash !== undefined) at = this.quote(view, put(view, at, HASH), hash);
    if (depth !== undefined) at = this.integer(view, put(view, at, DEPTH), depth);
    at = this.times(view, at, line);
    at = this.origin(view, at, line);
    if (instant_index !== undefined) at = this.integer(view, put(view, at, INSTANT_INDEX), instant_index);
    return put(view, at, END);
  }

  private levels(view: DataView, from: number, levels: readonly Level[]): number {
    let at = from;
    for (let index = 0; index < levels.length; index++) {
      const level = levels[index]!;
      if (index > 0) view.setUint8(at++, COMMA);
      view.setUint8(at, OPEN_BRACKET);
      at = this.integer(view, at + 1, level[0]);
      view.setUint8(at, COMMA);
      at = this.integer(view, at + 1, level[1]);
      view.setUint8(at++, CLOSE_BRACKET);
    }
    return at;
  }

  private begin(view: DataView, at: number, kind: Words, line: SubjectOf): number {
    const { first, length } = this.subject(line);
    if (length > LONGEST_PIECE) {
      this.isOdd = true;
      return at;
    }
    return copyWords(view, put(view, at, kind), this.words, first, length);
  }

  private times(view: DataView, from: number, line: FeedEvent | FeedLine): number {
    const { exchange_ts } = line;
    let at = put(view, from, EXCHANGE_TS);
    at = exchange_ts === null ? put(view, at, NULL) : this.time(view, at, exchange_ts);
    return this.time(view, put(view, at, RECEIVED_AT), line.received_at);
  }

  private time(view: DataView, at: number, time: number): number {
    if (!(time >= SIXTEEN_DIGITS && time < Number.MAX_SAFE_INTEGER)) return this.integer(view, at, time);
    const high = Math.floor(time / HUNDRED_MILLION);
    const low = time - high * HUNDRED_MILLION;
    if (high !== this.lastTimeHigh) {
      writeEight(this.timeHigh, 0, high);
      this.timeHighWord = this.timeHigh.getFloat64(0, true);
      this.lastTimeHigh = high;
    }
    if ((low | 0) !== low) {
      this.isOdd = true;
      return at;
    }
    view.setFloat64(at, this.timeHighWord, true);
    return writeEight(view, at + 8, low);
  }

  private figure(view: DataView, at: number, value: number | null): number {
    return value === null ? put(view, at, NULL) : this.integer(view, at, value);
  }

  private integer(view: DataView, at: number, value: number): number {
    if (Number.isSafeInteger(value)) return writeInteger(view, at, value);
    this.isOdd = true;
    return at;
  }

  /** A text with the quote that ends it. */
  private quote(view: DataView, at: number, text: string): number {
    const end = this.plain(view, at, text);
    view.setUint8(end, QUOTE);
    return end + 1;
  }

  private plain(view: DataView, at: number, text: string): number {
    const { length } = text;
    if (length > LONGEST_PIECE) {
      this.isOdd = true;
      return at;
    }
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code < SPACE || code >= DELETE || code === QUOTE || code === BACKSLASH) this.isOdd = true;
      view.setUint8(at + index, code);
    }
    return at + length;
  }

  /** Most of a line's origin is that of every line of its subscription. */
  private origin(view: DataView, at: number, line: Provenance): number {
    const { connection, sid, quality, gatherer } = line;
    const recent = sid & (RECENT_ORIGINS - 1);
    let found = this.recentOrigins[recent]!;
    if (
      found.connection !== connection ||
      found.sid !== sid ||
      found.quality !== quality ||
      found.gatherer !== gatherer
    ) {
      found = this.originOf(connection, sid, quality, gatherer);
      this.recentOrigins[recent] = found;
    }
    if (found.length > LONGEST_PIECE) {
      this.isOdd = true;
      return at;
    }
    return this.integer(view, copyWords(view, at, found.words, 0, found.length), line.seq);
  }

  private originOf(connection: string, sid: number, quality: number, gatherer: string): Origin {
    let known = this.origins.get(connection);
    if (known === undefined) {
      if (this.origins.size >= REMEMBERED) this.origins.clear();
      known = new Map();
      this.origins.set(connection, known);
    }
    const key = sid * QUALITIES + quality;
    const found = known.get(key);
    if (found !== undefined && found.gatherer === gatherer && found.quality === quality) return found;
    const text = `,"gatherer":"${gatherer}","connection":${quoted(connection)},"sid":${sid},"quality":${quality},"seq":`;
    const isLong = text.length > LONGEST_PIECE;
    const words = isLong ? { ...NO_ORIGIN, length: text.length } : wordsOf(text);
    const origin = { ...words, connection, gatherer, sid, quality };
    if (known.size >= REMEMBERED) known.clear();
    known.set(key, origin);
    return origin;
  }

  private subject({ venue, instrument }: SubjectOf): Subject {
    const found = this.subjects.get(instrument);
    if (found !== undefined && found.venue === venue) return found;
    const text = `","venue":"${venue}","instrument":${quoted(instrument)}`;
    const { length } = text;
    const count = length > LONGEST_PIECE ? 0 : wordCount(length);
    if (this.subjects.size >= REMEMBERED || this.usedWords + count > SUBJECT_WORDS) {
      this.subjects.clear();
      this.usedWords = 0;
    }
    if (this.usedWords + count > this.words.length) {
      const grown = new Float64Array(2 * this.words.length);
      grown.set(this.words);
      this.words = grown;
    }
    if (count > 0) writeWords(this.words, this.usedWords, text);
    const subject = {
      venue,
      first: this.usedWords,
      length,
      partition: partitionNumber(instrument, this.lanes),
    };
    this.usedWords += count;
    this.subjects.set(instrument, subject);
    return subject;
  }
}

function put(view: DataView, at: number, { words, length }: Words): number {
  return copyWords(view, at, words, 0, length);
}

const encoder = new LineEncoder();
let scratch = Buffer.alloc(0);
let scratchView = new DataView(scratch.buffer, scratch.byteOffset, 0);

/**
 * One stream line as ASCII JSON with its newline: its length is its size in bytes.
 *
 * @throws TypeError when it carries something that JSON cannot hold (a BigInt, a cycle).
 */
export function encodeLine(line: StreamLine): string {
  const room = encoder.room(line);
  if (room > 0) {
    if (room > scratch.length) {
      scratch = Buffer.alloc(2 * room);
      scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);
    }
    const end = encoder.write(scratchView, 0, line);
    if (end >= 0) return scratch.toString('latin1', 0, end);
  }
  return `${asciiJson(line)}\n`;
}
