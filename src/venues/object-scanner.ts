import { FixedText, type FrameBytes } from './frame-bytes.ts';

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

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACKET = 91;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** A word as `ObjectScanner.is` takes it. */
export const word = (text: string): FixedText => new FixedText(text);
const TRUE = word('true');
const FALSE = word('false');

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
  private readonly view: DataView;
  /** Each key as it stands in a frame behind its opening quote, with what must follow. */
  private readonly keys: readonly FixedText[];
  /** Which key followed each key last time; the last entry is for the object's beginning. */
  private readonly following: Uint8Array;
  private previous = 0;

  constructor(frame: FrameBytes, keys: readonly string[]) {
    this.bytes = frame.bytes;
    this.view = frame.view;
    this.keys = keys.map((key) => word(`${key}":`));
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
    const { kinds } = this;
    for (let key = 0; key < kinds.length; key++) kinds[key] = Found.nothing;
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
  is(key: number, expected: FixedText): boolean {
    const start = this.starts[key]!;
    if (this.kinds[key] !== Found.text || this.ends[key]! - start !== expected.length) return false;
    return expected.standsAt(this.view, start);
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
        at = endOfText(this.view, at);
        if (bytes[at] !== QUOTE) return -1;
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
      } else if (TRUE.standsAt(this.view, at)) {
        kinds[key] = Found.true;
        at += TRUE.length;
      } else if (FALSE.standsAt(this.view, at)) {
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
    const { keys, view } = this;
    const likely = this.following[this.previous]!;
    if (keys[likely]!.standsAt(view, at)) return likely;
    for (let key = 0; key < keys.length; key++) if (keys[key]!.standsAt(view, at)) return key;
    return -1;
  }
}

/**
 * The first place from `at` on where a quote, a backslash, a control character or anything beyond ASCII stands. Of four bytes at a time the
 * highest bit of each that is one is found; beyond the lowest of them a bit may be wrong.
 */
function endOfText(view: DataView, at: number): number {
  for (let from = at; ; from += 4) {
    const bytes = view.getInt32(from, true);
    const quotes = bytes ^ 0x22222222;
    const slashes = bytes ^ 0x5c5c5c5c;
    const found =
      (((quotes - 0x01010101) & ~quotes) |
        ((slashes - 0x01010101) & ~slashes) |
        ((bytes - 0x20202020) & ~bytes) |
        bytes) &
      0x80808080;
    if (found !== 0) return from + ((31 - Math.clz32(found & -found)) >> 3);
  }
}
