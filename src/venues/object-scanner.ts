import type { FrameBytes } from './frame-bytes.ts';

/** What stands at a key of a scanned object. */
export const Found = {
  nothing: 0,
  text: 1,
  /** A whole number in plain digits, with or without a minus. */
  integer: 2,
  true: 3,
  false: 4,
  /** An object or a list; where it begins is known, the rest is the caller's. */
  nested: 5,
} as const;

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const TRUE = bytesOf('true');
const FALSE = bytesOf('false');

/**
 * Finds the fields of one JSON object inside a frame without making anything of them: for each known key where its
 * value begins and ends. It takes only the plainest JSON, which is what venues send all day: no white space, no
 * escapes, no key that is unknown or comes twice, no null, no fraction outside quotes. At anything else it gives up,
 * and the frame is for `JSON.parse`. A venue writes the keys of one kind of message in one order, so that the
 * order of the last message is tried first.
 */
export class ObjectScanner {
  /** By position of the key in the constructor's list; valid where `kinds` says that something was found. */
  readonly kinds: Uint8Array;
  /** First byte of a text (behind its quote) or number, or the bracket of what is nested. */
  readonly starts: Int32Array;
  /** Behind the last byte of a text (its quote) or number. */
  readonly ends: Int32Array;
  /** The key whose value is nested and has to be read by the caller before `resume`, or -1 at the object's end. */
  pending = -1;
  private readonly bytes: Uint8Array;
  /** Each key as it stands in a frame behind its opening quote, with what must follow. */
  private readonly keys: readonly Uint8Array[];
  /** Which key followed each key last time; the last entry is for the object's beginning. */
  private readonly following: Uint8Array;
  private previous = 0;

  constructor(frame: FrameBytes, keys: readonly string[]) {
    this.bytes = frame.bytes;
    this.keys = keys.map((key) => bytesOf(`${key}":`));
    this.kinds = new Uint8Array(keys.length);
    this.starts = new Int32Array(keys.length);
    this.ends = new Int32Array(keys.length);
    this.following = new Uint8Array(keys.length + 1);
  }

  /**
   * Scans the object whose brace stands at `at`.
   *
   * @returns the place behind its closing brace, or where a nested value stands (`pending`), or -1 to give up.
   */
  begin(at: number): number {
    this.kinds.fill(Found.nothing);
    this.pending = -1;
    this.previous = this.keys.length;
    return this.bytes[at] === OPEN_BRACE ? this.fields(at + 1) : -1;
  }

  /** Goes on at `at`, behind a nested value; returns as `begin` does. */
  resume(at: number): number {
    this.pending = -1;
    const byte = this.bytes[at];
    if (byte === COMMA) return this.fields(at + 1);
    return byte === CLOSE_BRACE ? at + 1 : -1;
  }

  /** Whether the text found at a key is exactly this one. */
  is(key: number, expected: Uint8Array): boolean {
    const start = this.starts[key]!;
    if (this.kinds[key] !== Found.text || this.ends[key]! - start !== expected.length) return false;
    return this.standsAt(start, expected);
  }

  /** Whether a text that is not empty was found at a key. */
  hasText(key: number): boolean {
    return this.kinds[key] === Found.text && this.ends[key]! > this.starts[key]!;
  }

  private fields(from: number): number {
    const { bytes, kinds } = this;
    let at = from;
    for (;;) {
      if (bytes[at] !== QUOTE) return -1;
      const key = this.keyAt(at + 1);
      if (key < 0 || kinds[key] !== Found.nothing) return -1;
      this.following[this.previous] = key;
      this.previous = key;
      at += 1 + this.keys[key]!.length;
      let byte = bytes[at]!;
      this.starts[key] = at;
      if (byte === QUOTE) {
        this.starts[key] = ++at;
        for (byte = bytes[at]!; byte !== QUOTE; byte = bytes[++at]!) {
          if (byte < SPACE || byte === BACKSLASH) return -1;
        }
        this.ends[key] = at++;
        kinds[key] = Found.text;
      } else if ((byte >= ZERO && byte <= NINE) || byte === MINUS) {
        if (byte === MINUS) byte = bytes[++at]!;
        const first = at;
        while (byte >= ZERO && byte <= NINE) byte = bytes[++at]!;
        // No number begins with a zero but zero itself.
        if (at === first || (at > first + 1 && bytes[first] === ZERO)) return -1;
        this.ends[key] = at;
        kinds[key] = Found.integer;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        kinds[key] = Found.nested;
        this.pending = key;
        return at;
      } else if (this.standsAt(at, TRUE)) {
        kinds[key] = Found.true;
        at += TRUE.length;
      } else if (this.standsAt(at, FALSE)) {
        kinds[key] = Found.false;
        at += FALSE.length;
      } else return -1;
      byte = bytes[at]!;
      if (byte === CLOSE_BRACE) return at + 1;
      if (byte !== COMMA) return -1;
      at++;
    }
  }

  /** The known key that stands at `at`, the likeliest tried first, or -1. */
  private keyAt(at: number): number {
    const { keys } = this;
    const likely = this.following[this.previous]!;
    if (this.standsAt(at, keys[likely]!)) return likely;
    for (let key = 0; key < keys.length; key++) if (this.standsAt(at, keys[key]!)) return key;
    return -1;
  }

  private standsAt(at: number, expected: Uint8Array): boolean {
    const { bytes } = this;
    for (let index = 0; index < expected.length; index++) {
      if (bytes[at + index] !== expected[index]) return false;
    }
    return true;
  }
}

/** A word as `ObjectScanner.is` takes it. */
export const word = bytesOf;
