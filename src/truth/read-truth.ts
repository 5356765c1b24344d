import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TruthRecord } from './truth-record.ts';

/** A truth log that cannot be read. */
export class TruthLogError extends Error {
  override readonly name = 'TruthLogError';
}

/**
 * The records of a truth log, in order. A last line that is still being written is left out.
 *
 * @throws TruthLogError naming file and line for anything else that is no record, or a file that is none
 */
export async function* readTruth(file: string): AsyncGenerator<TruthRecord> {
  const stream = createReadStream(file);
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  let broken: string | null = null;
  try {
    for await (const line of lines) {
      number++;
      if (broken !== null) throw new TruthLogError(broken);
      if (line === '') continue;
      let record: TruthRecord;
      try {
        record = JSON.parse(line) as TruthRecord;
      } catch {
        // Only an error if another line follows: the writer may be in the middle of it.
        broken = `${file}, line ${number}: not a truth record: ${line.slice(0, 80)}`;
        continue;
      }
      if (number === 1 && record.kind !== 'header') {
        throw new TruthLogError(`${file}: not a truth log, its first line is not the header`);
      }
      yield record;
    }
  } catch (error) {
    if (error instanceof TruthLogError) throw error;
    throw new TruthLogError(`${file}: ${(error as Error).message}`);
  } finally {
    lines.close();
    stream.destroy();
  }
}
