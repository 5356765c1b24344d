import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** Compression that is damaged or ends early. What could be unpacked before was given. */
export class DamagedRecordingError extends Error {
  override readonly name = 'DamagedRecordingError';
}

const GZIP = [0x1f, 0x8b] as const;
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd] as const;
const LONGEST_MAGIC = 4;

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

function unpackerFor(head: Uint8Array): Transform | null {
  if (startsWith(head, GZIP)) return createGunzip();
  return startsWith(head, ZSTD) ? createZstdDecompress() : null;
}

/**
 * The bytes of a recording, unpacked where they begin as gzip or Zstandard do, whatever the file is called.
 *
 * @throws DamagedRecordingError after everything that can be unpacked has been given; and what the source throws.
 */
export async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < LONGEST_MAGIC) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    if (head.length === 0) return;
    const rest = { [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }) };
    const unpacker = unpackerFor(head);
    if (unpacker === null) {
      yield head;
      yield* rest;
    } else yield* unpackWith(unpacker, head, rest);
  } finally {
    await chunks.return?.();
  }
}

/**
 * Drives the unpacker chunk by chunk, rather than through a pipe: a pipe that fails throws away what it has
 * unpacked, and a recorder that crashed leaves just such a file.
 */
async function* unpackWith(
  unpacker: Transform,
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  let failure: Error | null = null;
  unpacker.on('data', (chunk: Uint8Array) => ready.push(chunk));
  const closed = new Promise<void>((resolve) => {
    unpacker.once('end', resolve);
    unpacker.once('close', resolve);
    unpacker.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  const take = (): Uint8Array[] => {
    const taken = ready;
    ready = [];
    return taken;
  };
  const feed = (chunk: Uint8Array) =>
    Promise.race([new Promise<void>((resolve) => unpacker.write(chunk, () => resolve())), closed]);
  try {
    await feed(head);
    yield* take();
    if (failure === null) {
      for await (const chunk of rest) {
        await feed(chunk);
        yield* take();
        if (failure !== null) break;
      }
    }
    if (failure === null) {
      unpacker.end();
      await closed;
    }
    yield* take();
    if (failure !== null) throw new DamagedRecordingError((failure as Error).message);
  } finally {
    unpacker.destroy();
  }
}
