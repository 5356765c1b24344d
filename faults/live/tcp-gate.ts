import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What passes: `open` everything; `refused` nothing, and what is open is cut; `silent` connections stay open and
 * nothing comes from the server; `held` nothing is read from the server, which sees a slow reader.
 */
export type Passage = 'open' | 'refused' | 'silent' | 'held';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A way to one server that can be cut, held up and emptied: the network between a line and what it talks to. */
export class TcpGate {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** Also those whose server is gone, and that have not taken leave themselves. */
  readonly #clients = new Set<Socket>();
  #target: { readonly host: string; readonly port: number } | null = null;
  #passage: Passage = 'open';
  /** Bytes of an answer after which the connection is cut; null for no limit. */
  #cutAfter: number | null = null;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client) => this.#accept(client));
  }

  static async open(): Promise<TcpGate> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new TcpGate(server);
  }

  /** The same address, through this gate. */
  through(url: string): string {
    const target = new URL(url);
    this.#target = { host: target.hostname, port: Number(target.port) };
    const port = (this.#server.address() as AddressInfo).port;
    return url.replace(`${target.hostname}:${target.port}`, `127.0.0.1:${port}`);
  }

  get connections(): number {
    return this.#pairs.size;
  }

  set passage(passage: Passage) {
    this.#passage = passage;
    if (passage === 'refused') this.cut();
    for (const { server } of this.#pairs) {
      if (passage === 'held') server.pause();
      else server.resume();
    }
  }

  set cutAfter(bytes: number | null) {
    this.#cutAfter = bytes;
  }

  /** Cuts every connection. @returns how many there were. */
  cut(): number {
    const count = this.#pairs.size;
    for (const { client, server } of [...this.#pairs]) {
      client.resetAndDestroy();
      server.destroy();
    }
    return count;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    if (this.#passage === 'refused' || this.#target === null) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target);
    server.on('error', () => {});
    const pair = { client, server };
    this.#pairs.add(pair);
    let passed = 0;
    client.on('data', (bytes) => {
      if (!server.write(bytes)) {
        client.pause();
        server.once('drain', () => client.resume());
      }
    });
    server.on('data', (bytes) => {
      if (this.#passage === 'silent') return;
      const limit = this.#cutAfter;
      passed += bytes.length;
      if (limit !== null && passed > limit) {
        client.end(bytes.subarray(0, Math.max(0, bytes.length - (passed - limit))));
        server.destroy();
        return;
      }
      if (!client.write(bytes)) {
        server.pause();
        client.once('drain', () => {
          if (this.#passage !== 'held') server.resume();
        });
      }
    });
    const ended = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    client.on('close', ended);
    server.on('close', () => {
      this.#pairs.delete(pair);
      client.end();
    });
  }
}
