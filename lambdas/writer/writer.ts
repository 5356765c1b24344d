import type { Client } from 'pg';
import type { Logger } from 'pino';
import { LineStore, type StoreOutcome } from '#src/storage/line-store.ts';
import type { DeliveredRecord } from '#src/storage/stream-records.ts';
import type { KinesisEvent, WriterResult } from './contract.ts';

export interface WriterDependencies {
  /** Opens a session with the line's database. */
  readonly connect: () => Promise<Client>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /**
   * Told after a delivery in which something went wrong: lines put aside, places where records are missing, and
   * whether something comes again.
   */
  readonly measure?: (figures: {
    readonly putAside: number;
    readonly missing: number;
    readonly failed: number;
  }) => void;
}

interface Session {
  readonly client: Client;
  readonly store: LineStore;
}

const REASON_LIMIT = 5;

/** `…:stream/NAME` and `SHARD:SEQUENCE`, as an event source mapping writes them. */
function delivered(record: KinesisEvent['Records'][number]): DeliveredRecord {
  const { eventSourceARN, eventID, kinesis } = record;
  return {
    stream: eventSourceARN.slice(eventSourceARN.lastIndexOf('/') + 1),
    shard: eventID.slice(0, Math.max(0, eventID.lastIndexOf(':'))),
    sequenceNumber: kinesis.sequenceNumber,
    partitionKey: kinesis.partitionKey,
    data: Buffer.from(kinesis.data, 'base64'),
  };
}

/**
 * Stores deliveries of a line's stream. Keeps its session from one invocation to the next, and opens a new one
 * after a failure. Deliveries are stored one after the other, whoever brings them.
 */
export class Writer {
  readonly #dependencies: WriterDependencies;
  #session: Promise<Session> | null = null;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(dependencies: WriterDependencies) {
    this.#dependencies = dependencies;
  }

  /** Never rejects: records that are not stored are in the result, to be delivered again. */
  async write(event: KinesisEvent): Promise<WriterResult> {
    const turn = this.#previous.then(() => this.#write(event));
    this.#previous = turn.catch(() => {});
    return await turn;
  }

  /** Ends the session. */
  async close(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    this.#session = null;
    await session?.client.end().catch(() => {});
  }

  async #write(event: KinesisEvent): Promise<WriterResult> {
    const records = event.Records.map(delivered);
    if (records.length === 0) return { batchItemFailures: [] };
    let outcome: StoreOutcome;
    try {
      const { store } = await this.#open();
      outcome = await store.store(records);
    } catch (error) {
      outcome = { tables: {}, refused: [], missing: [], failed: { index: 0, error: error as Error } };
    }
    this.#report(records, outcome);
    if (outcome.failed === null) return { batchItemFailures: [] };
    await this.#discard();
    return { batchItemFailures: [{ itemIdentifier: records[outcome.failed.index]!.sequenceNumber }] };
  }

  async #open(): Promise<Session> {
    if (this.#session === null) {
      const opening = this.#dependencies.connect().then((client) => {
        // A session that the server ended between two invocations is replaced before it is used.
        client.once('end', () => {
          if (this.#session === opening) this.#session = null;
        });
        return { client, store: new LineStore(client) };
      });
      this.#session = opening;
    }
    return await this.#session;
  }

  async #discard(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    const opened = await session?.catch(() => null);
    // A session in an unknown state is not worth waiting for.
    void opened?.client.end().catch(() => {});
  }

  #report(records: readonly DeliveredRecord[], outcome: StoreOutcome): void {
    const { log } = this.#dependencies;
    const { tables, refused, missing, failed } = outcome;
    if (refused.length > 0) {
      const examples = refused.slice(0, REASON_LIMIT).map(({ record, number, reason }) => ({
        sequenceNumber: record.sequenceNumber,
        line: number,
        reason,
      }));
      log.warn({ stream: records[0]!.stream, refused: refused.length, examples }, 'lines put aside');
    }
    if (missing.length > 0) {
      const examples = missing.slice(0, REASON_LIMIT).map(({ record, end, after }) => ({
        partition: record.partitionKey,
        after,
        before: end.order,
      }));
      log.error({ stream: records[0]!.stream, missing: missing.length, examples }, 'records never came');
    }
    if (failed !== null) {
      log.error(
        {
          stream: records[0]!.stream,
          shard: records[0]!.shard,
          sequenceNumber: records[failed.index]!.sequenceNumber,
          stored: failed.index,
          of: records.length,
          error: failed.error.message,
        },
        'delivery not stored',
      );
    }
    if (refused.length > 0 || missing.length > 0 || failed !== null) {
      this.#dependencies.measure?.({
        putAside: refused.length,
        missing: missing.length,
        failed: failed === null ? 0 : 1,
      });
    }
    log.info({ records: records.length, tables }, 'delivery');
  }
}
