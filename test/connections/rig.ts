import { ConnectionPool } from '#src/connections/pool.ts';
import type { LineNotice, PoolSettings, PoolTiming } from '#src/connections/pool-contract.ts';
import { DEFAULT_TIMING } from '#src/connections/pool-contract.ts';
import type { BookSnapshotEvent } from '#src/events/event.ts';
import { kalshiProfile } from '#src/venues/kalshi/session.ts';
import { polymarketProfile } from '#src/venues/polymarket/session.ts';
import type { SessionProfile } from '#src/venues/session.ts';
import { FakeKeeper } from './fake-keeper.ts';
import { FakeNetwork } from './fake-sockets.ts';
import { FakeTime, seeded } from './fake-time.ts';
import type { ClientLine } from './fake-venues.ts';
import { KalshiModel, PolymarketModel } from './fake-venues.ts';

export interface RigOptions {
  readonly book?: Partial<PoolSettings['book']>;
  readonly feeds?: PoolSettings['feeds'];
  readonly timing?: Partial<PoolTiming>;
  readonly signer?: () => Record<string, string>;
  readonly fetchBooks?: (instruments: readonly string[]) => Promise<readonly BookSnapshotEvent[]>;
}

/** A pool with everything around it faked. */
export class Rig<M extends { receive(text: string): void }> {
  readonly time = new FakeTime();
  readonly keeper = new FakeKeeper();
  readonly network: FakeNetwork<M>;
  readonly pool: ConnectionPool;
  readonly notices: LineNotice[] = [];
  readonly recorded: { connection: string; frame: string | Uint8Array; direction: 'in' | 'out' }[] = [];
  readonly unknown: string[] = [];

  constructor(profile: SessionProfile, make: (line: ClientLine) => M, options: RigOptions) {
    this.network = new FakeNetwork(make);
    this.pool = new ConnectionPool({
      profile,
      settings: {
        url: 'ws://venue.test/ws',
        book: { connections: 8, instrumentsPerConnection: 1_000, minimumPerConnection: 100, ...options.book },
        feeds: options.feeds ?? [],
        timing: { ...DEFAULT_TIMING, ...options.timing },
      },
      keeper: this.keeper,
      recorder: {
        received: (_at, connection, frame) => this.recorded.push({ connection, frame, direction: 'in' }),
        sent: (_at, connection, frame) => this.recorded.push({ connection, frame, direction: 'out' }),
      },
      clock: this.time.clock,
      random: seeded(1),
      socketFactory: this.network.factory,
      ...(options.signer === undefined ? {} : { signer: options.signer }),
      ...(options.fetchBooks === undefined ? {} : { fetchBooks: options.fetchBooks }),
      listener: {
        notice: (notice) => this.notices.push(notice),
        lifecycle: () => {},
        unknownInstrument: (instrument) => this.unknown.push(instrument),
      },
    });
    this.time.timers.every(100, () => this.pool.tick());
  }

  want(instruments: readonly string[]): void {
    this.keeper.expect(instruments);
    this.pool.request(instruments);
  }

  unwant(instruments: readonly string[]): void {
    this.pool.release(instruments);
    this.keeper.release(instruments);
  }

  /** Lets time pass; new sockets open, and living ones are pinged every 10 s. */
  pass(millis: number, each: () => void = () => {}): void {
    this.time.pass(millis, () => {
      this.network.settle();
      if (Math.floor(this.time.now / 100_000) % 100 === 0) {
        for (const socket of this.network.live) {
          if (socket.isAlive && socket.isPinging && !socket.isFrozen) socket.events.heartbeat('ping');
        }
      }
      each();
    });
  }

  kinds(): string[] {
    return this.notices.map(({ kind }) => kind);
  }

  count(kind: string): number {
    return this.pool.status().counters[kind] ?? 0;
  }
}

export function kalshiRig(options: RigOptions = {}, chunk = 400): Rig<KalshiModel> {
  const profile = kalshiProfile({ useYesPrice: false, combos: false, chunk });
  return new Rig(profile, (line) => new KalshiModel(line), options);
}

export function polymarketRig(options: RigOptions = {}): Rig<PolymarketModel> {
  const book = {
    connections: 100,
    instrumentsPerConnection: 200,
    minimumPerConnection: 200,
    ...options.book,
  };
  return new Rig(polymarketProfile(), (line) => new PolymarketModel(line), { ...options, book });
}

export function tickers(count: number, prefix = 'KXDEMO-26DEC31-T'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
