import { RowError, shown } from './row-error.ts';

/** Start of PostgreSQL's binary COPY format: signature, flags, length of the header extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const INITIAL_BYTES = 64 * 1024;
const TWO_TO_32 = 4_294_967_296;
const INTEGER_LIMIT = 2_147_483_648;
const SMALLINT_LIMIT = 32_768;
const INT8_OID = 20;
const TEXT_OID = 25;
const JSONB_VERSION = 1;
/** Up to this length a loop over ASCII characters beats a call into native code. */
const SHORT_TEXT = 96;

/**
 * Rows in PostgreSQL's binary COPY format, encoded into one growing buffer. Every value is checked against what
 * its column holds, because a wrong one would fail the whole COPY in the server, far from the line that had it.
 * The second argument of each method names the column in the error.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
export class CopyBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at: number;
  #taken = 0;
  #rows = 0;

  constructor() {
    HEADER.copy(this.#bytes);
    this.#at = HEADER.length;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes encoded and not taken yet. */
  get pending(): number {
    return this.#at - this.#taken;
  }

  /** Begins a row. Until the next one begins or the buffer is taken, `abandonRow` undoes it. */
  beginRow(columns: number): number {
    const start = this.#at;
    this.#reserve(2);
    this.#view.setInt16(start, columns);
    this.#at = start + 2;
    this.#rows++;
    return start;
  }

  /** Removes the row that began at this place. */
  abandonRow(start: number): void {
    this.#at = start;
    this.#rows--;
  }

  null(): void {
    this.#reserve(4);
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }

  bigint(value: unknown, column: string): void {
    if (!Number.isSafeInteger(value))
      throw new RowError(`${column}: expected an integer, got ${shown(value)}`);
    this.#reserve(12);
    this.#view.setInt32(this.#at, 8);
    this.#putInt64(this.#at + 4, value as number);
    this.#at += 12;
  }

  nullableBigint(value: unknown, column: string): void {
    if (value === null || value === undefined) this.null();
    else this.bigint(value, column);
  }

  integer(value: unknown, column: string): void {
    if (
      !Number.isInteger(value) ||
      (value as number) < -INTEGER_LIMIT ||
      (value as number) >= INTEGER_LIMIT
    ) {
      throw new RowError(`${column}: expected an integer of 32 bits, got ${shown(value)}`);
    }
    this.#reserve(8);
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value as number);
    this.#at += 8;
  }

  nullableInteger(value: unknown, column: string): void {
    if (value === null || value === undefined) this.null();
    else this.integer(value, column);
  }

  smallint(value: unknown, column: string): void {
    if (
      !Number.isInteger(value) ||
      (value as number) < -SMALLINT_LIMIT ||
      (value as number) >= SMALLINT_LIMIT
    ) {
      throw new RowError(`${column}: expected an integer of 16 bits, got ${shown(value)}`);
    }
    this.#reserve(6);
    this.#view.setInt32(this.#at, 2);
    this.#view.setInt16(this.#at + 4, value as number);
    this.#at += 6;
  }

  boolean(value: unknown, column: string): void {
    if (typeof value !== 'boolean')
      throw new RowError(`${column}: expected true or false, got ${shown(value)}`);
    this.#reserve(5);
    this.#view.setInt32(this.#at, 1);
    this.#bytes[this.#at + 4] = value ? 1 : 0;
    this.#at += 5;
  }

  text(value: unknown, column: string): void {
    if (typeof value !== 'string') throw new RowError(`${column}: expected text, got ${shown(value)}`);
    this.#putText(value, column);
  }

  nullableText(value: unknown, column: string): void {
    if (value === null || value === undefined) this.null();
    else this.text(value, column);
  }

  /** Any JSON value. */
  jsonb(value: unknown, column: string): void {
    const text = JSON.stringify(value);
    if (text === undefined) throw new RowError(`${column}: expected a JSON value, got ${shown(value)}`);
    const start = this.#at;
    this.#reserve(5 + text.length * 3);
    this.#bytes[start + 4] = JSONB_VERSION;
    const length = 1 + this.#bytes.write(text, start + 5, 'utf8');
    this.#view.setInt32(start, length);
    this.#at = start + 4 + length;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(4 + value.length);
    this.#view.setInt32(this.#at, value.length);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + value.length;
  }

  /** Levels as `[price, size]` pairs, stored flat: price, size, price, size, … */
  levels(value: unknown, column: string): void {
    if (!Array.isArray(value)) throw new RowError(`${column}: expected levels, got ${shown(value)}`);
    const start = this.#beginArray(value.length * 2, INT8_OID, value.length * 24);
    for (const level of value as unknown[]) {
      if (!Array.isArray(level) || level.length !== 2) {
        throw new RowError(`${column}: expected [price, size], got ${shown(level)}`);
      }
      this.bigint(level[0], column);
      this.bigint(level[1], column);
    }
    this.#endArray(start);
  }

  textArray(value: unknown, column: string): void {
    if (!Array.isArray(value)) throw new RowError(`${column}: expected a list of texts, got ${shown(value)}`);
    const start = this.#beginArray(value.length, TEXT_OID, 0);
    for (const item of value as unknown[]) this.text(item, column);
    this.#endArray(start);
  }

  /** Ends the stream; no row may follow. */
  end(): void {
    this.#reserve(2);
    this.#view.setInt16(this.#at, -1);
    this.#at += 2;
  }

  /** What was encoded since the last taking. The bytes stay as they are, whatever is encoded later. */
  take(): Buffer {
    const taken = this.#bytes.subarray(this.#taken, this.#at);
    this.#taken = this.#at;
    return taken;
  }

  /** What was encoded since the last taking, and the memory with it: nothing of it can be taken again. */
  release(): Buffer {
    const taken = this.take();
    this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    this.#taken = 0;
    return taken;
  }

  /** The next taking begins from the start again. */
  rewind(): void {
    this.#taken = 0;
  }

  #beginArray(length: number, elementType: number, bytes: number): number {
    const start = this.#at;
    this.#reserve(24 + bytes);
    const dimensions = length === 0 ? 0 : 1;
    this.#view.setInt32(start + 4, dimensions);
    this.#view.setInt32(start + 8, 0);
    this.#view.setInt32(start + 12, elementType);
    this.#at = start + 16;
    if (dimensions === 1) {
      this.#view.setInt32(start + 16, length);
      this.#view.setInt32(start + 20, 1);
      this.#at = start + 24;
    }
    return start;
  }

  #endArray(start: number): void {
    this.#view.setInt32(start, this.#at - start - 4);
  }

  #putInt64(at: number, value: number): void {
    this.#view.setInt32(at, Math.floor(value / TWO_TO_32));
    this.#view.setInt32(at + 4, value | 0);
  }

  #putText(value: string, column: string): void {
    const start = this.#at;
    const { length } = value;
    this.#reserve(4 + length * 3);
    const bytes = this.#bytes;
    let at = start + 4;
    if (length <= SHORT_TEXT) {
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code > 127 || code === 0) break;
        bytes[at++] = code;
      }
      if (index === length) {
        this.#view.setInt32(start, length);
        this.#at = at;
        return;
      }
    }
    if (value.includes('\0'))
      throw new RowError(`${column}: a database cannot hold the character NUL in text`);
    const written = bytes.write(value, start + 4, 'utf8');
    this.#view.setInt32(start, written);
    this.#at = start + 4 + written;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    let size = this.#bytes.length * 2;
    while (size < this.#at + bytes) size *= 2;
    // A new buffer rather than a longer one: what was taken from the old may still be on its way to the socket.
    const larger = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
