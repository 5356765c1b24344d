import { generateKeyPairSync } from 'node:crypto';
import WebSocket from 'ws';
import type { Clock, Micros } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { DEFAULT_SETTINGS, type SimulationSettings } from '../../sim/settings.ts';
import { Simulation, type SimulationOptions } from '../../sim/simulation.ts';

export const START = 1_795_000_000_000_000 as Micros;
const KEY_ID = 'test-key';

const pair = generateKeyPairSync('ed25519');
export const kalshiKey = { id: KEY_ID, publicKey: pair.publicKey };
export const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A clock that moves only when told. */
export class ManualClock {
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  readonly read: Clock = () => this.now as Micros;

  advance(micros: number): void {
    this.now += micros;
  }
}

export const SMALL: SimulationSettings = {
  ...DEFAULT_SETTINGS,
  kalshiMarkets: 40,
  kalshiCombos: 4,
  polymarketMarkets: 20,
  rate: 400,
};

export interface Stage {
  readonly simulation: Simulation;
  readonly clock: ManualClock;
  readonly sign: (method: string, path: string) => Record<string, string>;
  /** Lets simulated time pass in steps of ten milliseconds. */
  play(seconds: number): void;
  kalshi(): Promise<KalshiClient>;
  polymarket(): Promise<Client>;
  stop(): Promise<void>;
}

/** A simulation under a manual clock, with clients that speak to it over real sockets. */
export async function stage(
  options: Partial<SimulationOptions> = {},
  startsAt: number = START,
): Promise<Stage> {
  const clock = new ManualClock(startsAt);
  const simulation = await Simulation.start({
    settings: SMALL,
    clock: clock.read,
    kalshiKey,
    isLive: false,
    ...options,
  });
  const signer = kalshiSigner(KEY_ID, privatePem, clock.read);
  const sign = (method: string, path: string): Record<string, string> => ({ ...signer(method, path) });
  const clients: Client[] = [];
  const keep = <T extends Client>(client: T): T => {
    clients.push(client);
    return client;
  };
  return {
    simulation,
    clock,
    sign,
    play(seconds) {
      for (let step = 0; step < seconds * 100; step++) {
        clock.advance(10_000);
        simulation.step();
      }
    },
    async kalshi() {
      const headers = sign('GET', '/trade-api/ws/v2');
      const client = keep(new KalshiClient(simulation.ready.kalshi!.ws, headers));
      await client.opened;
      return client;
    },
    async polymarket() {
      const client = keep(new Client(simulation.ready.polymarket!.ws, {}));
      await client.opened;
      return client;
    },
    async stop() {
      for (const client of clients) client.socket.terminate();
      await simulation.stop();
    },
  };
}

/** A client that keeps every frame it gets. */
export class Client {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  readonly binary: Buffer[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly pings: string[] = [];

  constructor(url: string, headers: Record<string, string>, options: { autoPong?: boolean } = {}) {
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false, ...options });
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.binary.push(data);
      else this.frames.push(data.toString('utf8'));
    });
    this.socket.on('ping', (data) => this.pings.push(data.toString('utf8')));
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', () => resolve());
      this.socket.once('error', reject);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
    this.socket.on('error', () => {});
  }

  send(body: unknown): void {
    this.socket.send(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** Waits until everything sent so far, both ways, has arrived: a ping overtakes nothing. */
  async settle(): Promise<void> {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const answered = new Promise<void>((resolve) => this.socket.once('pong', () => resolve()));
    this.socket.ping();
    await Promise.race([answered, this.closed]);
  }

  /** All messages, arrays taken apart. */
  // biome-ignore lint/suspicious/noExplicitAny: messages of a venue
  messages(): any[] {
    return this.frames.filter((frame) => frame !== 'PONG').flatMap((frame) => JSON.parse(frame));
  }
}

export class KalshiClient extends Client {
  #id = 0;

  /** Sends a command and waits for what comes of it. Gives the messages that came since. */
  async command(cmd: string, params?: Record<string, unknown>): Promise<Message[]> {
    const before = this.frames.length;
    this.send({ id: ++this.#id, cmd, ...(params === undefined ? {} : { params }) });
    await this.settle();
    return this.frames.slice(before).map((frame) => JSON.parse(frame) as Message);
  }

  /** The error code that a command is refused with. */
  async refusal(cmd: string, params?: Record<string, unknown>): Promise<number | null> {
    const replies = await this.command(cmd, params);
    return replies.find(({ type }) => type === 'error')?.msg.code ?? null;
  }
}

export interface Message {
  readonly id?: number;
  readonly type: string;
  readonly sid?: number;
  readonly seq?: number;
  // biome-ignore lint/suspicious/noExplicitAny: messages of a venue
  readonly msg: any;
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of a venue
type Body = any;

/** GET a JSON body. */
export async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const answer = await fetch(url, { headers });
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) };
  } catch {
    return { status: answer.status, body: text };
  }
}
