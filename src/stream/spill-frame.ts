import { crc32 } from 'node:zlib';
import type { Micros } from '../units/time.ts';
import type { SealedRecord } from './sealed-record.ts';

/*
 * A frame of the spill journal, little endian:
 *   0 magic u32 · 4 data bytes u32 · 8 order f64 · 16 oldest receive time f64 · 24 lines u32 · 28 key bytes u32 ·
 *   32 CRC-32 of key and data u32 · 36 CRC-32 of bytes 0 to 35 u32 · 40 key · data
 * The header has a checksum of its own so that its length can be trusted when only the body is damaged.
 */
const MAGIC = 0x314a5450;
export const HEADER_BYTES = 40;
const HEADER_CHECKED_BYTES = 36;

/** A frame's header, as read back. */
export interface FrameHeader {
  readonly order: number;
  readonly oldestReceivedAt: Micros;
  readonly lines: number;
  readonly keyBytes: number;
  readonly dataBytes: number;
  readonly bodyChecksum: number;
  /** Bytes of the whole frame. */
  readonly frameBytes: number;
}

/** The frame as buffers to be written one after the other; the data is not copied. */
export function encodeFrame(record: SealedRecord): Uint8Array[] {
  const key = Buffer.from(record.partitionKey, 'utf8');
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(record.data.byteLength, 4);
  header.writeDoubleLE(record.order, 8);
  header.writeDoubleLE(record.oldestReceivedAt, 16);
  header.writeUInt32LE(record.lines, 24);
  header.writeUInt32LE(key.byteLength, 28);
  header.writeUInt32LE(crc32(record.data, crc32(key)), 32);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_CHECKED_BYTES)), HEADER_CHECKED_BYTES);
  return [header, key, record.data];
}

/** Null when the bytes at `offset` are not a sound header. */
export function decodeHeader(bytes: Buffer, offset: number): FrameHeader | null {
  if (offset + HEADER_BYTES > bytes.length || bytes.readUInt32LE(offset) !== MAGIC) return null;
  const checked = bytes.subarray(offset, offset + HEADER_CHECKED_BYTES);
  if (crc32(checked) !== bytes.readUInt32LE(offset + HEADER_CHECKED_BYTES)) return null;
  const dataBytes = bytes.readUInt32LE(offset + 4);
  const keyBytes = bytes.readUInt32LE(offset + 28);
  return {
    order: bytes.readDoubleLE(offset + 8),
    oldestReceivedAt: bytes.readDoubleLE(offset + 16) as Micros,
    lines: bytes.readUInt32LE(offset + 24),
    keyBytes,
    dataBytes,
    bodyChecksum: bytes.readUInt32LE(offset + 32),
    frameBytes: HEADER_BYTES + keyBytes + dataBytes,
  };
}

/** The record of a frame that lies wholly in `bytes`; null when its body is damaged. The data is copied. */
export function decodeFrame(bytes: Buffer, offset: number, header: FrameHeader): SealedRecord | null {
  const body = bytes.subarray(offset + HEADER_BYTES, offset + header.frameBytes);
  if (crc32(body) !== header.bodyChecksum) return null;
  return {
    order: header.order,
    oldestReceivedAt: header.oldestReceivedAt,
    lines: header.lines,
    partitionKey: body.toString('utf8', 0, header.keyBytes),
    data: Uint8Array.prototype.slice.call(body, header.keyBytes),
  };
}
