const MAGIC = 0xfd2fb528;
const SINGLE_SEGMENT = 0x20;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK_HEADER_BYTES = 3;
const RUN_LENGTH_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** A last block without content: ends a frame that was cut after any block (RFC 8878, 3.1.1.2). */
export const END_OF_FRAME = Uint8Array.of(1, 0, 0);

/** Reads `length` bytes at `position`; fewer at the end of the file. */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

/**
 * Bytes up to the end of the last whole block of the zstd frame that begins the file, and whether that block
 * ends the frame; null when the file does not begin with the header of a frame. A frame cut there and closed
 * with `END_OF_FRAME` is sound again.
 */
export async function wholeBlocks(
  read: ReadAt,
  fileBytes: number,
): Promise<{ bytes: number; ended: boolean } | null> {
  const head = Buffer.from(await read(0, 5));
  if (head.length < 5 || head.readUInt32LE(0) !== MAGIC) return null;
  const descriptor = head[4]!;
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSizeBytes = sizeFlag === 0 && single ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!;
  let position = 5 + (single ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3]! + contentSizeBytes;
  if (position > fileBytes) return null;
  for (;;) {
    const header = await read(position, BLOCK_HEADER_BYTES);
    if (header.length < BLOCK_HEADER_BYTES) return { bytes: position, ended: false };
    const word = header[0]! | (header[1]! << 8) | (header[2]! << 16);
    const type = (word >> 1) & 3;
    const body = type === RUN_LENGTH_BLOCK ? 1 : word >> 3;
    const next = position + BLOCK_HEADER_BYTES + body;
    if (type === RESERVED_BLOCK || next > fileBytes) return { bytes: position, ended: false };
    position = next;
    if ((word & 1) === 1) return { bytes: position, ended: true };
  }
}
