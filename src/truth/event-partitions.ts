import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ComparisonRules,
  type EventComparison,
  type MadeEvent,
  noEvents,
  sumOf,
  TruthComparison,
} from '../tape/truth-comparison.ts';
import type { ComparedEvent } from '../tape/truth-identity.ts';

const FLUSH_AT_CHARACTERS = 1 << 16;
const TRUTH_SENT = 1;
const TRUTH_UNSENT = 0;
const TAPE = 2;

interface Partition {
  readonly file: string;
  readonly descriptor: number;
  waiting: string;
}

/** 32-bit FNV-1a over the UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/**
 * The comparison of tape and truth for runs of any length: events wait in files, parted by their identity, and the
 * parts are compared one after the other, so that no more than one part is ever in memory.
 */
export class EventPartitions {
  readonly #directory: string;
  readonly #partitions: Partition[];

  /**
   * @param directory for the parts; made here, and emptied first.
   * @param parts how many there are: the memory that the comparison takes is that of the largest.
   * @throws the system's error where the folder cannot be written.
   */
  constructor(directory: string, parts: number) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    this.#partitions = Array.from({ length: parts }, (_, index) => {
      const file = join(directory, `${index}.jsonl`);
      return { file, descriptor: openSync(file, 'w'), waiting: '' };
    });
  }

  /** Characters held in memory until they are written. */
  get waitingCharacters(): number {
    return this.#partitions.reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  truth(event: MadeEvent): void {
    this.#write(event, event.delivered > 0 ? TRUTH_SENT : TRUTH_UNSENT, event.sentAt);
  }

  tape(event: ComparedEvent): void {
    this.#write(event, TAPE);
  }

  #write(
    { kind, venue, subject, instruments, time, identity }: ComparedEvent,
    role: number,
    sentAt?: number,
  ): void {
    const partition = this.#partitions[hashOf(identity) % this.#partitions.length]!;
    partition.waiting += `${JSON.stringify([role, kind, venue, subject, time, identity, instruments, sentAt])}\n`;
    if (partition.waiting.length >= FLUSH_AT_CHARACTERS) flush(partition);
  }

  /** Compares part by part. Once; the files are gone after it. */
  finish(rules: ComparisonRules): EventComparison {
    let sum = noEvents;
    try {
      for (const partition of this.#partitions) {
        flush(partition);
        const comparison = new TruthComparison(rules);
        for (const line of linesOf(partition.file)) {
          const [role, kind, venue, subject, time, identity, instruments, sentAt] = JSON.parse(line) as [
            number,
            ComparedEvent['kind'],
            string,
            string,
            ComparedEvent['time'],
            string,
            readonly string[] | null,
            ComparedEvent['time'],
          ];
          const event = {
            kind,
            venue,
            subject,
            time,
            identity,
            ...(instruments === null ? {} : { instruments }),
          };
          if (role === TAPE) comparison.tape(event);
          else comparison.truth({ ...event, delivered: role, ...(sentAt === null ? {} : { sentAt }) });
        }
        sum = sumOf(sum, comparison.finish(), rules);
      }
    } finally {
      this.close();
    }
    return sum;
  }

  /** Removes the files. */
  close(): void {
    for (const { descriptor } of this.#partitions.splice(0)) closeSync(descriptor);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function flush(partition: Partition): void {
  const data = Buffer.from(partition.waiting);
  partition.waiting = '';
  for (let from = 0; from < data.length; ) from += writeSync(partition.descriptor, data, from);
}

function* linesOf(file: string): Generator<string> {
  const data = readFileSync(file);
  for (let from = 0; from < data.length; ) {
    const to = data.indexOf(10, from);
    yield data.toString('utf8', from, to);
    from = to + 1;
  }
}
