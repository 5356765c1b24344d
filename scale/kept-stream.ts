import { closeSync, openSync, readSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { type Fingerprint, Fingerprinter } from './fingerprint.ts';

const LENGTH_BYTES = 4;

/** The blocks that the services wrote, unpacked. */
function* blocksOf(file: string): Generator<Buffer> {
  const descriptor = openSync(file, 'r');
  try {
    const length = Buffer.alloc(LENGTH_BYTES);
    while (readSync(descriptor, length, 0, LENGTH_BYTES, null) === LENGTH_BYTES) {
      const block = Buffer.alloc(length.readUInt32LE());
      readSync(descriptor, block, 0, block.length, null);
      yield zstdDecompressSync(block);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The figures that the exchange put into its fingerprint, of one line of the stream; null of any other kind. */
function figuresOf(line: Readonly<Record<string, unknown>>): readonly [unknown, unknown] | null {
  switch (line['kind']) {
    case 'book_delta':
      return [line['price'], line['change']];
    case 'trade':
      return [line['price'], line['size']];
    case 'ticker':
      return [line['bid'], line['ask']];
    default:
      return null;
  }
}

/** The fingerprint of all changes, trades and ticks that came through a stream, as the services kept it. */
export function fingerprintOf(file: string): Fingerprint {
  const fingerprinter = new Fingerprinter();
  for (const block of blocksOf(file)) {
    for (const text of block.toString('utf8').split('\n')) {
      if (text === '') continue;
      const line = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const figures = figuresOf(line);
      if (figures === null) continue;
      fingerprinter.add({
        kind: String(line['kind']),
        instrument: String(line['instrument']),
        exchange_ts: Number(line['exchange_ts']),
        first: figures[0] as number | null,
        second: figures[1] as number | null,
      });
    }
  }
  return fingerprinter.value;
}
