import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { copyIn } from '#src/storage/copy-in.ts';
import { LineBatch } from '#src/storage/line-batch.ts';
import { migrate } from '#src/storage/migrate.ts';
import { orderBookDeltas } from '#src/storage/tables.ts';
import type { KinesisEvent } from '../lambdas/writer/contract.ts';
import { Writer } from '../lambdas/writer/writer.ts';
import { startPostgres } from '../local/postgres/server.ts';
import { databaseRow } from './database-row.ts';
import type { Row, Subject } from './row.ts';

const DAY_MICROS = 86_400_000_000;
const LINES_PER_RECORD = 500;
const INSTRUMENTS = 400;
/** Rows of one batch, and what is asked of it. */
const BATCHES = [
  { size: 500, reach: null },
  { size: 5_000, reach: 0.8 },
  { size: 20_000, reach: null },
] as const;

interface WriterBenchOptions {
  /** Rounds of every batch size; in each, ours and the peer store one batch. */
  readonly repetitions: number;
}

const today = Math.floor((Date.now() * 1_000) / DAY_MICROS) * DAY_MICROS;
let made = 0;

function delta(): object {
  const number = ++made;
  return {
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: `KXBENCH-26NOV21-T${number % INSTRUMENTS}`,
    side: number % 2 === 0 ? 'bid' : 'ask',
    price: (1 + (number % 99)) * 10_000,
    change: (1 + (number % 7)) * 1_000_000,
    exchange_ts: today + number * 1_000,
    received_at: today + number * 1_000 + 20_000,
    gatherer: 'a',
    connection: 'kalshi-book-1#1',
    sid: 1,
    quality: 0,
    seq: number,
    occurrence: 0,
    instant_index: 0,
  };
}

/** What the event source hands to the function. */
function eventOf(lines: readonly object[]): KinesisEvent {
  const Records: KinesisEvent['Records'] = [];
  for (let at = 0; at < lines.length; at += LINES_PER_RECORD) {
    const sequenceNumber = String(made + at);
    const end = { kind: 'record_end', order: made + at, previous: null, gap_free_since: 0, sealed_at: today };
    const text = [...lines.slice(at, at + LINES_PER_RECORD), end]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('');
    Records.push({
      eventID: `shardId-0:${sequenceNumber}`,
      eventSourceARN: 'arn:aws:kinesis:us-east-1:0:stream/bench',
      kinesis: { sequenceNumber, partitionKey: 'lane-0', data: Buffer.from(text).toString('base64') },
    });
  }
  return { Records };
}

function linesOf(count: number): object[] {
  return Array.from({ length: count }, () => delta());
}

/**
 * The writer function, from the event as it is delivered to committed rows, beside a bare binary COPY into the same
 * table of bytes that were encoded before.
 */
async function writerRow(options: WriterBenchOptions): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-writer-'));
  const server = await startPostgres({
    dir: directory,
    databases: ['line'],
    settings: { max_wal_size: '8GB' },
  });
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url('line') });
    await client.connect();
    return client;
  };
  const peer = await connect();
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  const writer = new Writer({ connect, log: silent as never });
  const names = orderBookDeltas.columns.map(({ name }) => name).join(', ');
  try {
    await migrate(peer, 'gatherer');
    const store = async (size: number): Promise<number> => {
      const event = eventOf(linesOf(size));
      const begun = performance.now();
      const { batchItemFailures } = await writer.write(event);
      const taken = performance.now() - begun;
      if (batchItemFailures.length > 0) throw new Error('a batch was not stored');
      return (size * 1_000) / taken;
    };
    const copyBare = async (size: number): Promise<number> => {
      const batch = new LineBatch();
      for (const line of linesOf(size)) batch.add(line);
      batch.close();
      const bytes = batch.buffer(orderBookDeltas.name).take();
      const begun = performance.now();
      const copy = copyIn(peer, `COPY ${orderBookDeltas.name} (${names}) FROM STDIN (FORMAT binary)`);
      copy.data(bytes);
      copy.done();
      await copy.completed;
      return (size * 1_000) / (performance.now() - begun);
    };
    const rows: Row[] = [];
    for (const { size, reach } of BATCHES) {
      await store(size);
      await copyBare(size);
      const rates = { ours: [] as number[], peer: [] as number[] };
      for (let round = 0; round < options.repetitions; round++) {
        // Who is first changes, so that neither always finds the other's pages waiting to be written.
        for (const contender of round % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const)) {
          rates[contender].push(contender === 'ours' ? await store(size) : await copyBare(size));
        }
      }
      const name = `writer function, batches of ${size.toLocaleString('en')}`;
      rows.push(
        databaseRow({ name, peerName: 'binary COPY into the same table', reach }, rates.ours, rates.peer),
      );
    }
    return rows;
  } finally {
    await writer.close();
    await peer.end().catch(() => {});
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const subject: Subject = {
  name: 'writer',
  run: ({ rounds }) => writerRow({ repetitions: rounds }),
};
