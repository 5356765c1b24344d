/** Bytes that are copied at once. */
const WORD = 8;

/** A text in words of eight bytes, the last one filled up with zeros. */
export interface Words {
  readonly words: Float64Array;
  /** Bytes of the text. */
  readonly length: number;
}

/** @param text ASCII alone: eight such bytes are never a number that is none, so that a word stays what it is. */
export function wordsOf(text: string): Words {
  const words = new Float64Array(wordCount(text.length));
  writeWords(words, 0, text);
  return { words, length: text.length };
}

export function wordCount(length: number): number {
  return Math.ceil(length / WORD);
}

const scratch = Buffer.alloc(8_192);
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);

/** Puts an ASCII text of at most 8,192 characters among the words, from `first` on. */
export function writeWords(words: Float64Array, first: number, text: string): void {
  const { length } = text;
  scratch.write(text, 0, 'latin1');
  scratch.fill(0, length, Math.min(length + WORD, scratch.length));
  const count = wordCount(length);
  for (let index = 0; index < count; index++)
    words[first + index] = scratchView.getFloat64(index * WORD, true);
}

/** Copies words to `at`. Up to seven bytes behind the text are overwritten. @returns the place behind the text. */
export function copyWords(
  view: DataView,
  at: number,
  words: Float64Array,
  first: number,
  length: number,
): number {
  const end = at + length;
  for (let to = at, index = first; to < end; to += WORD, index++) view.setFloat64(to, words[index]!, true);
  return end;
}

const TEN_THOUSAND = 10_000;
const HUNDRED_MILLION = 100_000_000;
const ZERO = 48;
const MINUS = 45;

/** The four digits of every number below ten thousand, the first one in the highest byte. */
const fourDigits = new Int32Array(TEN_THOUSAND);
for (let value = 0; value < TEN_THOUSAND; value++) {
  let word = 0;
  for (let unit = 1_000; unit >= 1; unit /= 10) word = (word << 8) | (ZERO + (Math.floor(value / unit) % 10));
  fourDigits[value] = word;
}

/** Writes a safe integer in digits. Up to three bytes behind it are overwritten. @returns the place behind it. */
export function writeInteger(view: DataView, at: number, value: number): number {
  if (value < 0) {
    view.setUint8(at, MINUS);
    return writeInteger(view, at + 1, 0 - value);
  }
  if (value < HUNDRED_MILLION) return writeSmall(view, at, value | 0);
  const high = Math.floor(value / HUNDRED_MILLION);
  const behind = high < HUNDRED_MILLION ? writeSmall(view, at, high) : writeInteger(view, at, high);
  return writeEight(view, behind, value - high * HUNDRED_MILLION);
}

function writeSmall(view: DataView, at: number, value: number): number {
  if (value < TEN_THOUSAND) {
    const missing = value < 10 ? 3 : value < 100 ? 2 : value < 1_000 ? 1 : 0;
    view.setInt32(at, fourDigits[value]! << (missing << 3));
    return at + 4 - missing;
  }
  const high = (value / TEN_THOUSAND) | 0;
  const behind = writeSmall(view, at, high);
  view.setInt32(behind, fourDigits[value - high * TEN_THOUSAND]!);
  return behind + 4;
}

/** Writes a number below a hundred million with leading zeros. */
export function writeEight(view: DataView, at: number, value: number): number {
  const high = (value / TEN_THOUSAND) | 0;
  view.setInt32(at, fourDigits[high]!);
  view.setInt32(at + 4, fourDigits[value - high * TEN_THOUSAND]!);
  return at + 8;
}
