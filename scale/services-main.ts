/**
 * In the place of AWS for the scale runs: takes what a gatherer sends to its stream, its bucket and its table, keeps
 * count, and answers at once. What came through the stream is written to a file where one is named, for comparing.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import { LatencyHistogram } from '#src/telemetry/latency.ts';
import { systemClock } from '#src/units/time.ts';

const { values } = parseArgs({ options: { file: { type: 'string' } } });
const clock = systemClock();
const file = values.file === undefined ? null : openSync(values.file, 'w');
const RECEIVED = Buffer.from('"received_at":');
const EVENT_KIND = /^\{"kind":"(?:book_delta|trade|ticker)"/;
const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** From the receiving of the oldest event of a record to its arrival here. */
const delays = new LatencyHistogram();
const totals = { records: 0, bytes: 0, requests: 0, objects: 0, object_bytes: 0, items: 0 };

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function noteDelay(data: Buffer, now: number): void {
  if (!EVENT_KIND.test(data.toString('latin1', 0, 24))) return;
  const at = data.indexOf(RECEIVED);
  if (at < 0) return;
  delays.observe(
    now - Number.parseInt(data.toString('latin1', at + RECEIVED.length, at + RECEIVED.length + 17), 10),
  );
}

/** As blocks, each a length in four bytes and so much that is compressed. */
function keep(descriptor: number, data: readonly Buffer[]): void {
  const block = zstdCompressSync(Buffer.concat(data), level);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(block.length);
  writeSync(descriptor, length);
  writeSync(descriptor, block);
}

function putRecords(body: Buffer): unknown {
  const now = clock();
  const { Records } = JSON.parse(body.toString('utf8')) as {
    readonly Records: readonly { readonly Data: string }[];
  };
  const data = Records.map((record) => Buffer.from(record.Data, 'base64'));
  for (const bytes of data) {
    totals.records++;
    totals.bytes += bytes.length;
    noteDelay(bytes, now);
  }
  if (file !== null) keep(file, data);
  const answers = Records.map((_, index) => ({
    SequenceNumber: String(totals.records * 1_000 + index),
    ShardId: 'shardId-000000000000',
  }));
  return { FailedRecordCount: 0, Records: answers };
}

function batchWrite(body: Buffer): unknown {
  const { RequestItems } = JSON.parse(body.toString('utf8')) as {
    readonly RequestItems: Record<string, unknown[]>;
  };
  for (const requests of Object.values(RequestItems)) totals.items += requests.length;
  return { UnprocessedItems: {} };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  totals.requests++;
  const target = request.headers['x-amz-target'];
  if (request.method === 'PUT') {
    for await (const chunk of request as AsyncIterable<Buffer>) totals.object_bytes += chunk.length;
    totals.objects++;
    response.writeHead(200, { etag: '"0"' }).end();
    return;
  }
  const body = await bodyOf(request);
  const operation = String(target).split('.').at(-1);
  const said =
    operation === 'PutRecords'
      ? putRecords(body)
      : operation === 'BatchWriteItem'
        ? batchWrite(body)
        : operation === 'Query'
          ? { Items: [], Count: 0, ScannedCount: 0 }
          : null;
  response.writeHead(said === null ? 400 : 200, {
    'content-type': request.headers['content-type'] ?? 'application/json',
  });
  response.end(JSON.stringify(said ?? { __type: 'UnknownOperationException', message: String(target) }));
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

process.on('message', (wish: { readonly ask: 'totals' | 'forget delays' }) => {
  if (wish.ask === 'forget delays') delays.reset();
  process.send?.({
    ...totals,
    delay_ms: { p50: (delays.quantile(0.5) ?? 0) / 1_000, p99: (delays.quantile(0.99) ?? 0) / 1_000 },
  });
});
process.on('SIGTERM', () => {
  if (file !== null) closeSync(file);
  process.exit(0);
});
const { port } = server.address() as AddressInfo;
process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}` })}\n`);
