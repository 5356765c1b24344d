import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Configuration } from '#src/config/schema.ts';
import type { KinesisEvent } from '../../lambdas/writer/contract.ts';
import { require } from '../fault.ts';
import { LINES, type Line, LiveRun } from '../live/live-run.ts';

export type Delivery = KinesisEvent['Records'];

/** Everything that three lines handed over in one run, and what the exchange made in it. */
export interface Corpus {
  /** Of each line, the records of each shard in order. */
  readonly lines: Readonly<Record<Line, readonly Delivery[]>>;
  readonly truthFile: string;
  readonly configuration: Configuration;
}

const CALM_MILLIS = 12_000;
const TROUBLED_MILLIS = 8_000;
/** A feed whose cover is quiet is vouched for after 13 s: before, a line that began anew proves little of what it has. */
const PROOF_MILLIS = 14_000;

async function recordsOf(client: KinesisClient, stream: string): Promise<Delivery[]> {
  const { Shards: shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  return await Promise.all(
    shards.map(async ({ ShardId: shard }) => {
      const records: Delivery = [];
      let { ShardIterator: iterator } = await client.send(
        new GetShardIteratorCommand({
          StreamName: stream,
          ShardId: shard!,
          ShardIteratorType: 'TRIM_HORIZON',
        }),
      );
      while (iterator !== undefined) {
        const given = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 1_000 }));
        for (const { Data, PartitionKey, SequenceNumber } of given.Records ?? []) {
          records.push({
            eventID: `${shard}:${SequenceNumber}`,
            eventSourceARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`,
            kinesis: {
              sequenceNumber: SequenceNumber!,
              partitionKey: PartitionKey!,
              data: Buffer.from(Data!).toString('base64'),
            },
          });
        }
        if ((given.Records ?? []).length === 0 && (given.MillisBehindLatest ?? 0) === 0) break;
        iterator = given.NextShardIterator;
      }
      return records;
    }),
  );
}

let folder: string | null = null;
let made: Promise<Corpus> | null = null;

/** Recorded once and kept: a short run in which one line is cut off and one is killed; line `a` received everything. */
export async function corpus(note: (text: string) => void, seed: number): Promise<Corpus> {
  made ??= record(note, seed);
  return await made;
}

/** Removes what was kept. */
export function forgetCorpus(): void {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  folder = null;
  made = null;
}

async function record(note: (text: string) => void, seed: number): Promise<Corpus> {
  const run = await LiveRun.prepare({ rate: 120 }, seed, note);
  try {
    await run.start();
    await sleep(CALM_MILLIS);
    run.gates.b.cutSockets();
    run.killGatherer('c');
    await sleep(TROUBLED_MILLIS);
    // Books that a line is just being sent when it is stopped were sent to it, and received by nobody.
    const wrong = await run.untilWell();
    require(wrong.length === 0, `the lines did not recover: ${wrong.join('; ')}`);
    await sleep(PROOF_MILLIS);
    await run.finish();
    folder = mkdtempSync(join(tmpdir(), 'tape-corpus-'));
    const truthFile = join(folder, 'truth.jsonl');
    copyFileSync(run.truthFile, truthFile);
    const client = new KinesisClient({
      endpoint: run.kinesis.a.target,
      region: 'us-east-1',
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      requestHandler: new NodeHttpHandler(),
    });
    const streams = run.streams;
    const lines = {} as Record<Line, Delivery[]>;
    for (const [index, line] of LINES.entries()) lines[line] = await recordsOf(client, streams[index]!);
    client.destroy();
    return { lines, truthFile, configuration: run.configuration };
  } finally {
    await run.stop();
  }
}
