const LONGEST = 16_384;
/** No character of a frame takes more bytes than this. */
const MOST_BYTES = 3;
const CACHED = 16_384;
/** Bytes at the end of a recurring text that say where it is remembered. */
const HASHED = 16;
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
 * string. Only frames that are all ASCII and not very long fit in here.
 */
export class FrameBytes {
  readonly bytes: Uint8Array;
  /** The same bytes: several at once are read and compared as fast as one. */
  readonly view: DataView;
  private readonly buffer = Buffer.alloc(LONGEST * MOST_BYTES + BEHIND);
  private readonly texts: string[] = new Array<string>(CACHED).fill('');
  private readonly fixedTexts: FixedText[] = new Array<FixedText>(CACHED).fill(new FixedText(''));

  constructor() {
    const { buffer, byteOffset, length } = this.buffer;
    this.bytes = new Uint8Array(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
  }

  /**
   * Takes a frame in, in place of the one before. False where it does not fit. Behind its end stands what earlier
   * frames left: whoever reads on must end exactly at the frame's length.
   */
  load(frame: string): boolean {
    const { length } = frame;
    return length <= LONGEST && this.buffer.write(frame, 0, LONGEST * MOST_BYTES, 'utf8') === length;
  }

  /** The text between two places, as a string of its own: one cut out of the frame would keep the frame alive. */
  text(start: number, end: number): string {
    return this.buffer.toString('latin1', start, end);
  }

  /** As `text`, and as far as remembered the same string every time: the ids of instruments come in every frame. */
  recurringText(start: number, end: number): string {
    const { bytes, view } = this;
    const length = end - start;
    let hash = length;
    // Ids differ at their ends, and the texts are compared in full.
    if (length >= HASHED) {
      for (let at = end - HASHED; at < end; at += 4)
        hash = Math.imul(hash ^ view.getInt32(at, true), 0x5bd1e995);
    } else for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & (CACHED - 1);
    const { texts, fixedTexts } = this;
    const known = fixedTexts[slot]!;
    if (known.length === length && known.standsAt(view, start)) return texts[slot]!;
    // What stood here before stands beside, so that two of one place do not drive each other out.
    const other = fixedTexts[slot ^ 1]!;
    if (other.length === length && other.standsAt(view, start)) return texts[slot ^ 1]!;
    const text = this.text(start, end);
    fixedTexts[slot ^ 1] = known;
    texts[slot ^ 1] = texts[slot]!;
    fixedTexts[slot] = new FixedText(text);
    texts[slot] = text;
    return text;
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
