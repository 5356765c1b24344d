import type { Clock } from '../units/time.ts';
import type { Partition, QueuedRecord } from './partition.ts';
import { type PutLimits, type PutVerdict, RECORD_TOO_LARGE, type RecordStream } from './record-stream.ts';
import { requestBytes } from './sealed-record.ts';
import type { After } from './timer.ts';

export interface SenderOptions {
  readonly stream: RecordStream;
  readonly clock: Clock;
  readonly after: After;
  readonly random: () => number;
  readonly limits: PutLimits;
  readonly maxInFlight: number;
  readonly putTimeoutMillis: number;
  readonly retryFirstMillis: number;
  readonly retryMostMillis: number;
  /**
   * The stream has this record, or (`tooLarge`) never will; it has left its partition. `atOnce`: no earlier put of it
   * failed, so none that was given up may still look at it.
   */
  readonly settled: (partition: Partition, item: QueuedRecord, tooLarge: boolean, atOnce: boolean) => void;
  /** A put ended, whatever came of it, and its records have been dealt with. */
  readonly ended: () => void;
  readonly refused: (code: string, message: string, records: number) => void;
}

const MICROS_PER_MILLI = 1_000;
/** Doublings after which the wait has long reached any bound. */
const MOST_DOUBLINGS = 30;

/**
 * Puts the heads of partitions into requests, several requests at once, and repeats what is refused after a
 * random wait that grows. A partition has at most one record under way, so nothing overtakes.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #partitions: ReadonlyMap<string, Partition>;
  #inFlight = 0;
  #stopped = false;
  #pumping = false;
  #wake: (() => void) | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** Where the next request begins to look, so that no partition is always last. */
  #turn = 0;
  requests = 0;
  failedRequests = 0;
  retriedRecords = 0;

  constructor(partitions: ReadonlyMap<string, Partition>, options: SenderOptions) {
    this.#partitions = partitions;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sends what can be sent now, and wakes itself for what has to wait. */
  pump(): void {
    if (this.#stopped || this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#inFlight < this.#options.maxInFlight) {
        const request = this.#assemble();
        if (request.length === 0) return;
        void this.#put(request);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** Sends no more. What comes of puts under way is no longer looked at. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
    this.#wake = null;
  }

  #assemble(): Partition[] {
    const { limits, clock } = this.#options;
    const partitions = [...this.#partitions.values()];
    const now = clock();
    const request: Partition[] = [];
    let bytes = 0;
    let earliest = Number.POSITIVE_INFINITY;
    const turn = this.#turn++;
    for (let index = 0; index < partitions.length && request.length < limits.maxRecords; index++) {
      const partition = partitions[(turn + index) % partitions.length]!;
      const head = partition.queue.peek();
      if (head === undefined || partition.sending) continue;
      if (partition.notBefore > now) {
        earliest = Math.min(earliest, partition.notBefore);
        continue;
      }
      const size = requestBytes(head.record);
      if (request.length > 0 && (partition.alone || bytes + size > limits.maxRequestBytes)) continue;
      request.push(partition);
      bytes += size;
      if (partition.alone) break;
    }
    if (request.length === 0 && earliest !== Number.POSITIVE_INFINITY) this.#wakeUp(earliest, now);
    return request;
  }

  #wakeUp(at: number, now: number): void {
    if (this.#wake !== null) {
      if (this.#wakeAt <= at) return;
      this.#wake();
    }
    this.#wakeAt = at;
    this.#wake = this.#options.after(Math.max(1, Math.ceil((at - now) / MICROS_PER_MILLI)), () => {
      this.#wake = null;
      this.pump();
    });
  }

  async #put(request: readonly Partition[]): Promise<void> {
    this.#inFlight++;
    this.requests++;
    const items = request.map((partition) => {
      partition.sending = true;
      return partition.queue.peek()!;
    });
    let verdicts: readonly PutVerdict[];
    try {
      verdicts = await this.#withinTime(items.map((item) => item.record));
      if (verdicts.length !== items.length) {
        throw new Error(`the stream gave ${verdicts.length} verdicts on ${items.length} records`);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.failedRequests++;
      const code = error instanceof Error ? error.name : 'Error';
      const verdict = { code, message: error instanceof Error ? error.message : String(error) };
      verdicts = items.map(() => verdict);
      if (items.length > 1) for (const partition of request) partition.alone = true;
    }
    if (this.#stopped) return;
    this.#inFlight--;
    this.#deal(request, verdicts);
    this.#options.ended();
    this.pump();
  }

  #deal(request: readonly Partition[], verdicts: readonly PutVerdict[]): void {
    const refusals = new Map<string, { message: string; records: number }>();
    for (const [index, partition] of request.entries()) {
      const verdict = verdicts[index]!;
      partition.sending = false;
      if (verdict === null || verdict.code === RECORD_TOO_LARGE) {
        const atOnce = partition.attempts === 0;
        this.#options.settled(partition, partition.shift(), verdict !== null, atOnce);
        continue;
      }
      this.retriedRecords++;
      partition.notBefore = this.#options.clock() + this.#waitMillis(partition.attempts++) * MICROS_PER_MILLI;
      const seen = refusals.get(verdict.code);
      if (seen === undefined) refusals.set(verdict.code, { message: verdict.message, records: 1 });
      else seen.records++;
    }
    for (const [code, { message, records }] of refusals) this.#options.refused(code, message, records);
  }

  /** Uniform between half of the bound and all of it; the bound doubles with every refusal. */
  #waitMillis(attempts: number): number {
    const { retryFirstMillis, retryMostMillis, random } = this.#options;
    const bound = Math.min(retryMostMillis, retryFirstMillis * 2 ** Math.min(attempts, MOST_DOUBLINGS));
    return (bound / 2) * (1 + random());
  }

  #withinTime(records: Parameters<RecordStream['put']>[0]): Promise<readonly PutVerdict[]> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.after(this.#options.putTimeoutMillis, () => {
        const error = new Error(`no answer within ${this.#options.putTimeoutMillis} ms`);
        error.name = 'PutTimeout';
        reject(error);
      });
      const done = (): void => cancel();
      Promise.resolve()
        .then(() => this.#options.stream.put(records))
        .then(resolve, reject)
        .finally(done);
    });
  }
}
