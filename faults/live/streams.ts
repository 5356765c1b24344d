import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';
import { LINES, type Line, type LiveRun } from './live-run.ts';

/** So little that a line spills within seconds. */
export const LITTLE_MEMORY = { stream: '  memory_limit_mebibytes: 1' };

async function spills(run: LiveRun, line: Line): Promise<void> {
  await run.until(line, 'a spill', ({ stream }) => stream.spilled_bytes > 0, 90_000);
}

/** What befalls streams and the functions that read them. */
export const streamFaults: readonly Fault[] = [
  live(
    16,
    'stream-away',
    'the streams of all lines refuse everything until each line has spilled to its disk',
    {
      settings: LITTLE_MEMORY,
      rate: 600,
      inject: async (run) => {
        for (const line of LINES) run.kinesis[line].mood = 'refusing';
        await Promise.all(LINES.map((line) => spills(run, line)));
        await sleep(15_000);
        for (const line of LINES) {
          require(run.kinesis[line].refusedRequests > 0, `line ${line} asked nothing of its stream`);
          run.kinesis[line].mood = 'open';
        }
      },
    },
  ),
  live(17, 'stream-throttled', 'the streams refuse a third of the records, and every fifth request', {
    inject: async (run) => {
      for (const line of LINES) run.kinesis[line].mood = 'partly';
      await sleep(20_000);
      for (const line of LINES) {
        require(run.kinesis[line].refusedRecords > 0, `no record of line ${line} was refused`);
        run.kinesis[line].mood = 'open';
      }
    },
  }),
  live(20, 'writers-killed', 'the process of all functions is killed three times in the middle of its work', {
    inject: async (run) => {
      for (let time = 0; time < 3; time++) {
        const before = run.state.processes['functions'];
        run.signal('functions', 'SIGKILL');
        for (const ends = Date.now() + 30_000; ; await sleep(100)) {
          if (run.state.processes['functions'] !== before) break;
          require(Date.now() < ends, 'the functions did not come back');
        }
        await sleep(3_000 + time * 700);
      }
    },
  }),
  live(21, 'poison-records', 'records that are no lines of a gatherer come in the stream of one line', {
    inject: async (run) => {
      const client = new KinesisClient({
        endpoint: run.kinesis.a.target,
        region: 'us-east-1',
        credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
        requestHandler: new NodeHttpHandler(),
      });
      const poison = [
        Buffer.from('{"kind":"trade"\n'),
        Buffer.from([0, 255, 254, 10, 13, 0]),
        Buffer.from(`{"kind":"trade","venue":"kalshi","price":"${'9'.repeat(400)}"}\n`),
        Buffer.from('{"kind":"book_delta","venue":"kalshi","instrument":"\\u0000","price":1e400}\n'),
        Buffer.from('[]\nnull\n{}\n"\u2028"\n'),
        Buffer.from(' '),
      ];
      for (const name of run.streams.slice(0, 1)) {
        for (const partition of ['lane-0', 'lane-1', 'lane-7']) {
          const answer = await client.send(
            new PutRecordsCommand({
              StreamName: name,
              Records: poison.map((Data) => ({ Data, PartitionKey: partition })),
            }),
          );
          require(answer.FailedRecordCount === 0, `${name} refuses poison`);
        }
      }
      client.destroy();
      await run.untilRows(run.state.lines.a.url, 'a record put aside', 'SELECT FROM poison_records LIMIT 1');
    },
  }),
];
