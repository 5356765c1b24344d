const LONGEST = 16_384;
/** No character of a frame takes more bytes than this. */
const MOST_BYTES = 3;
const WORD = 8;
/** A word may be read from the last byte on. Never written, so that whoever looks for an end finds one. */
const BEHIND = 2 * WORD;

const MINUS = 45;
const POINT = 46;
const ZERO = 48;
/** Digits that a double holds exactly, whatever they are, with six places behind the point to spare. */
const EXACT_DIGITS = 9;
const PLACES: readonly number[] = [1e6, 1e5, 1e4, 1e3, 1e2, 10, 1];

/**
 * The characters of one frame as bytes: a byte is read from an array several times faster than a character from a
 * string. Only frames that are not very long fit in here.
 */
export class FrameBytes {
  readonly bytes: Uint8Array;
  /** The same bytes: several at once are read and compared as fast as one. */
  readonly view: DataView;
  private readonly buffer = Buffer.alloc(LONGEST * MOST_BYTES + BEHIND);
  private readonly recurring = new RecurringTexts();

  constructor() {
    const { buffer, byteOffset, length } = this.buffer;
    this.bytes = new Uint8Array(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
  }

  /**
   * Takes a frame in, in place of the one before. False where it does not fit, or is a text beyond ASCII. Behind its
   * end stands what earlier frames left: whoever reads on must end exactly at the frame's length.
   *
   * @param frame a text or its bytes in UTF-8, which may be beyond ASCII
   */
  load(frame: string | Uint8Array): boolean {
    const { length } = frame;
    if (length > LONGEST) return false;
    if (typeof frame === 'string')
      return this.buffer.write(frame, 0, LONGEST * MOST_BYTES, 'utf8') === length;
    this.bytes.set(frame);
    return true;
  }

  /** The text between two places, as a string of its own: one cut out of the frame would keep the frame alive. */
  text(start: number, end: number): string {
    return this.buffer.toString('latin1', start, end);
  }

  /** As `text`, and as far as remembered the same string every time: the ids of instruments come in every frame. */
  recurringText(start: number, end: number): string {
    const { recurring } = this;
    const place = recurring.place(this.view, start, end - start);
    if (place < 0) return this.text(start, end);
    return recurring.texts[place] ?? recurring.keep(place, this.view, start, this.text(start, end));
  }

  /** Millionths of the plain decimal between two places, or NaN where it has to be read with more care. */
  millionths(start: number, end: number): number {
    const { bytes } = this;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    if (first >= end || end - first > EXACT_DIGITS + 1) return Number.NaN;
    let value = 0;
    let point = -1;
    for (let at = first; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else if (digit === POINT - ZERO && point < 0) point = at;
      else return Number.NaN;
    }
    const places = point < 0 ? 0 : end - point - 1;
    if (point < 0 && end - first > EXACT_DIGITS) return Number.NaN;
    // A point alone is no number.
    if (places > 6 || (point >= 0 && end - first === 1)) return Number.NaN;
    value *= PLACES[places]!;
    return isNegative ? 0 - value : value;
  }

  /** The whole number between two places, digits only, or NaN. */
  integer(start: number, end: number): number {
    const { bytes } = this;
    if (start >= end || end - start > 15) return Number.NaN;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }
}

/** The text of a frame that is given as text or as its bytes in UTF-8. */
export function frameText(frame: string | Uint8Array): string {
  if (typeof frame === 'string') return frame;
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('utf8');
}

/** Texts that are remembered, and of each the longest that is. */
const REMEMBERED = 16_384;
const MOST_WORDS = 12;
/** Bytes at the end of a text that say where it is remembered: ids differ at their ends. */
const HASHED = 16;

/** ASCII texts of some length that are known by their bytes, all in one piece of memory. */
class RecurringTexts {
  /** By place; undefined where the text at hand is not remembered yet. */
  readonly texts: (string | undefined)[] = new Array<string | undefined>(REMEMBERED).fill(undefined);
  private readonly lengths = new Uint8Array(REMEMBERED);
  /** Of each text the whole words that it begins with, and behind them the word that it ends with. */
  private readonly words = new Float64Array(REMEMBERED * MOST_WORDS);

  /** The place of a text, which is its own from now on (`keep`); -1 for one that is too short or long to have one. */
  place(view: DataView, start: number, length: number): number {
    if (length < HASHED || length > (MOST_WORDS - 1) * WORD) return -1;
    const from = start + length - HASHED;
    let hash = Math.imul(length ^ view.getInt32(from, true), 0x5bd1e995);
    hash = Math.imul(hash ^ view.getInt32(from + 4, true), 0x5bd1e995);
    hash = Math.imul(hash ^ view.getInt32(from + 8, true), 0x5bd1e995);
    hash = Math.imul(hash ^ view.getInt32(from + 12, true), 0x5bd1e995);
    const place = (hash ^ (hash >>> 15)) & (REMEMBERED - 1);
    if (this.stands(place, view, start, length)) return place;
    // Two of one place do not drive each other out.
    const other = place ^ 1;
    if (this.stands(other, view, start, length)) return other;
    const free = this.texts[place] === undefined || this.texts[other] !== undefined ? place : other;
    this.texts[free] = undefined;
    return free;
  }

  /** Remembers a text at the place that it was given. */
  keep(place: number, view: DataView, start: number, text: string): string {
    const { length } = text;
    const first = place * MOST_WORDS;
    const whole = length >> 3;
    for (let word = 0; word < whole; word++)
      this.words[first + word] = view.getFloat64(start + word * WORD, true);
    this.words[first + whole] = view.getFloat64(start + length - WORD, true);
    this.lengths[place] = length;
    this.texts[place] = text;
    return text;
  }

  private stands(place: number, view: DataView, start: number, length: number): boolean {
    const { words } = this;
    if (this.lengths[place] !== length) return false;
    const first = place * MOST_WORDS;
    const whole = length >> 3;
    for (let word = 0; word < whole; word++)
      if (view.getFloat64(start + word * WORD, true) !== words[first + word]) return false;
    return view.getFloat64(start + length - WORD, true) === words[first + whole];
  }
}

/** An ASCII text to be found in a frame, compared eight bytes at a time. No eight of them are a number that is none. */
export class FixedText {
  readonly length: number;
  private readonly bytes: Uint8Array;
  /** The whole words it begins with, and behind them the word it ends with. */
  private readonly words: Float64Array;

  constructor(text: string) {
    const { length } = text;
    this.length = length;
    this.bytes = Uint8Array.from(Buffer.from(text, 'latin1'));
    const view = new DataView(this.bytes.buffer);
    const whole = Math.floor(length / WORD);
    this.words = new Float64Array(whole === 0 ? 0 : whole + 1);
    for (let index = 0; index < whole; index++) this.words[index] = view.getFloat64(index * WORD, true);
    if (whole > 0) this.words[whole] = view.getFloat64(length - WORD, true);
  }

  /** Whether it stands at this place. */
  standsAt(view: DataView, at: number): boolean {
    const { length, words } = this;
    if (length < WORD) {
      const { bytes } = this;
      for (let index = 0; index < length; index++)
        if (view.getUint8(at + index) !== bytes[index]) return false;
      return true;
    }
    const whole = words.length - 1;
    for (let index = 0; index < whole; index++) {
      if (view.getFloat64(at + index * WORD, true) !== words[index]) return false;
    }
    return view.getFloat64(at + length - WORD, true) === words[whole];
  }
}
