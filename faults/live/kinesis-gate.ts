import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `open`; `refusing` every request; `partly` single records, and now and then a whole request as throttled; `slow`
 * takes one request after the other with a wait before each, and remembers what was taken.
 */
export type KinesisMood = 'open' | 'refusing' | 'partly' | 'slow';

const SLOW_MILLIS = 250;

const digest = (data: Uint8Array | string): string => createHash('sha1').update(data).digest('base64');

interface PutAnswer {
  FailedRecordCount: number;
  Records: { SequenceNumber?: string; ShardId?: string; ErrorCode?: string; ErrorMessage?: string }[];
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The way of one line to Kinesis: lets requests through, refuses them, or refuses single records of them. */
export class KinesisGate {
  readonly #server: Server;
  #target: URL | null = null;
  #turn = 0;
  mood: KinesisMood = 'open';
  refusedRequests = 0;
  refusedRecords = 0;
  readonly #taken = new Set<string>();
  /** The request before has been answered, while it is slow. */
  #slowly: Promise<void> = Promise.resolve();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async open(): Promise<KinesisGate> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new KinesisGate(server);
  }

  /** The gate's own address, before the service at `url`. */
  through(url: string): string {
    this.#target = new URL(url);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The service behind the gate. */
  get target(): string {
    return this.#target!.href;
  }

  /** How many different records the stream took while the gate was slow. */
  get takenSlowly(): number {
    return this.#taken.size;
  }

  /** Whether the stream took a record of this content while the gate was slow. */
  hasTaken(data: Uint8Array): boolean {
    return this.#taken.has(digest(data));
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const isPut = String(incoming.headers['x-amz-target']).endsWith('.PutRecords');
    if (!isPut || this.mood === 'open') return await this.#forward(incoming, body, outgoing);
    const turn = this.#turn++;
    if (this.mood === 'refusing' || (this.mood === 'partly' && turn % 5 === 4)) {
      this.refusedRequests++;
      return answer(outgoing, 400, {
        __type: 'ProvisionedThroughputExceededException',
        message: 'Rate exceeded for stream',
      });
    }
    if (this.mood === 'slow') {
      this.#slowly = this.#slowly.then(() => this.#takeSlowly(incoming, body, outgoing)).catch(() => {});
      return await this.#slowly;
    }
    await this.#partly(incoming, body, outgoing);
  }

  async #takeSlowly(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    await sleep(SLOW_MILLIS);
    // Whoever asked may be gone, and the gate may refuse by now.
    if (this.mood === 'refusing' || outgoing.destroyed) return void outgoing.destroy();
    await this.#forward(incoming, body, outgoing);
    const { Records } = JSON.parse(body.toString('utf8')) as { Records: { Data: string }[] };
    for (const { Data } of Records) this.#taken.add(digest(Buffer.from(Data, 'base64')));
  }

  /** Every third record is refused, another one at each request. */
  async #partly(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const wish = JSON.parse(body.toString('utf8')) as { Records: unknown[] };
    const isTaken = wish.Records.map((_, index) => (index + this.#turn) % 3 !== 0);
    const taken = wish.Records.filter((_, index) => isTaken[index]);
    const given =
      taken.length === 0
        ? { status: 200, body: Buffer.from(JSON.stringify({ FailedRecordCount: 0, Records: [] })) }
        : await this.#send(incoming, Buffer.from(JSON.stringify({ ...wish, Records: taken })));
    if (given.status !== 200) {
      outgoing.writeHead(given.status, { 'content-type': 'application/x-amz-json-1.1' }).end(given.body);
      return;
    }
    const answers = (JSON.parse(given.body.toString('utf8')) as PutAnswer).Records;
    const Records = isTaken.map((wasTaken) =>
      wasTaken
        ? answers.shift()!
        : { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard' },
    );
    const refused = isTaken.filter((wasTaken) => !wasTaken).length;
    this.refusedRecords += refused;
    answer(outgoing, 200, { FailedRecordCount: refused, Records } satisfies PutAnswer);
  }

  async #forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const given = await this.#send(incoming, body);
    outgoing
      .writeHead(given.status, { 'content-type': given.type ?? 'application/x-amz-json-1.1' })
      .end(given.body);
  }

  #send(
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; type?: string | undefined; body: Buffer }> {
    const { host: _, 'content-length': __, ...headers } = incoming.headers;
    return new Promise((resolve, reject) => {
      const sent = request(
        new URL(incoming.url ?? '/', this.#target!),
        { method: incoming.method, headers: { ...headers, 'content-length': body.length } },
        (reply) => {
          bodyOf(reply).then(
            (given) =>
              resolve({ status: reply.statusCode!, type: reply.headers['content-type'], body: given }),
            reject,
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

function answer(outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}
