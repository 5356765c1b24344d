import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeeper } from '#src/capture/keeper.ts';
import type { ConnectionEpoch } from '#src/capture/line.ts';
import type { StreamLine } from '#src/events/captured.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import type { Micros } from '#src/units/time.ts';
import { encode, testDecoder } from './test-decoder.ts';
import { Dice, gapsOf, rebuild, VenueModel } from './venue-model.ts';

const INSTRUMENTS = ['A', 'B', 'C', 'D'];
const START = 1_700_000_000_000_000;
const MILLI = 1_000;

interface Sent {
  readonly text: string;
  readonly instrument: string;
  readonly isSnapshot: boolean;
  readonly seq: number;
  readonly after: string;
}

interface Socket {
  readonly epoch: ConnectionEpoch;
  readonly sid: number;
  readonly tickers: string[];
  seq: number;
  readonly wire: Sent[];
}

/** One run of a line against a venue whose frames get lost, doubled, swapped, broken, and whose sockets die. */
function run(seed: number, skew: number) {
  const dice = new Dice(seed);
  const venue = new VenueModel(INSTRUMENTS);
  const lines: StreamLine[] = [];
  let now = START;
  const keeper = createKeeper({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'e1',
    clock: () => now as Micros,
    decoder: testDecoder('kalshi'),
    sink: { accept: (_lane, line) => void lines.push(line) },
    snapshotInterval: 3_000 * MILLI,
    snapshotDepth: 3,
    anchorInterval: 2_000 * MILLI,
  });
  keeper.expect(INSTRUMENTS, now as Micros);
  let sockets: Socket[] = [];
  let opened = 0;
  /** The venue's book as of the last frame in order from the socket that carries the instrument. */
  const lastSeen = new Map<string, { socket: Socket; seq: number; after: string }>();
  const greatest = new Map<Socket, number>();

  const venueTime = () => now + skew;
  const send = (socket: Socket, instrument: string, events: object[]) => {
    socket.seq++;
    socket.wire.push({
      text: encode({ sid: socket.sid, seq: socket.seq, events: events as never }),
      instrument,
      isSnapshot: (events[0] as { kind: string }).kind === 'book_snapshot',
      seq: socket.seq,
      after: JSON.stringify(venue.levels(instrument)),
    });
  };
  const sendSnapshot = (socket: Socket, instrument: string) => {
    send(socket, instrument, [
      {
        kind: 'book_snapshot',
        venue: 'kalshi',
        instrument,
        source: 'ws',
        ...venue.levels(instrument),
        snapshot_ts: 0,
        exchange_ts: null,
      },
    ]);
  };
  const open = (tickers: string[]) => {
    const epoch: ConnectionEpoch = { venue: 'kalshi', name: `book#${++opened}`, useYesPrice: true };
    const socket: Socket = { epoch, sid: 1, tickers, seq: 0, wire: [] };
    sockets.push(socket);
    keeper.bind(epoch, 1, tickers);
    for (const ticker of tickers) sendSnapshot(socket, ticker);
  };
  const deliver = (socket: Socket) => {
    const frame = socket.wire.shift();
    if (frame === undefined) return;
    const outcome = keeper.frame(socket.epoch, frame.text, now as Micros);
    if (frame.seq > (greatest.get(socket) ?? 0) && outcome.problems.length === 0) {
      greatest.set(socket, frame.seq);
      const { seq, after } = frame;
      const carrier = lastSeen.get(frame.instrument)?.socket;
      const isNewer =
        carrier === undefined ||
        socket.epoch.name.length > carrier.epoch.name.length ||
        socket.epoch.name > carrier.epoch.name;
      if (carrier === socket || (frame.isSnapshot && isNewer))
        lastSeen.set(frame.instrument, { socket, seq, after });
    }
    for (const request of outcome.resync) {
      for (const instrument of request.instruments)
        if (socket.tickers.includes(instrument)) sendSnapshot(socket, instrument);
    }
    for (const instrument of INSTRUMENTS) {
      const view = keeper.view(instrument)!;
      if (!view.proven) continue;
      expect(JSON.stringify({ bids: view.bids, asks: view.asks })).toBe(lastSeen.get(instrument)!.after);
    }
  };

  open(['A', 'B', 'C']);
  open(['D']);
  const until = 400;
  for (let step = 0; step < until; step++) {
    const isQuiet = step > until - 60;
    now += dice.chance(0.03) ? 1_500 * MILLI : dice.below(40) * MILLI;
    if (dice.chance(0.7)) {
      const instrument = INSTRUMENTS[dice.below(INSTRUMENTS.length)]!;
      for (let count = dice.chance(0.15) ? 3 : 1; count > 0; count--) {
        const change = venue.change(instrument, venueTime(), dice);
        const socket = sockets.find((one) => one.tickers.includes(instrument));
        if (socket === undefined) continue;
        send(socket, instrument, [
          {
            kind: 'book_delta',
            venue: 'kalshi',
            instrument,
            side: change.side,
            price: change.price as Price,
            change: change.change as Size,
            exchange_ts: change.time as Micros,
          },
        ]);
      }
    }
    for (const socket of sockets) {
      const { wire } = socket;
      if (!isQuiet && wire.length > 0) {
        const fault = dice.below(100);
        if (fault < 2) wire.splice(dice.below(wire.length), 1);
        else if (fault < 4) wire.splice(1, 0, wire[0]!);
        else if (fault < 6 && wire.length > 1) wire.splice(0, 2, wire[1]!, wire[0]!);
        else if (fault < 7) wire[0] = { ...wire[0]!, text: wire[0]!.text.slice(0, 20) };
      }
      now += dice.below(3) * MILLI;
      for (let count = dice.below(4); count > 0; count--) deliver(socket);
    }
    if (!isQuiet && dice.chance(0.01)) {
      const socket = sockets[dice.below(sockets.length)]!;
      sockets = sockets.filter((one) => one !== socket);
      const lost = keeper.connectionClosed(socket.epoch, now as Micros, 'disconnected');
      expect([...lost].sort()).toEqual([...socket.tickers].sort());
      now += dice.below(300) * MILLI;
      open(socket.tickers);
    }
    if (!isQuiet && dice.chance(0.01)) {
      // A planned change of the socket: the new one is subscribed before the old one goes.
      const old = sockets[dice.below(sockets.length)]!;
      open(old.tickers);
      const next = sockets.at(-1)!;
      sockets = [next, ...sockets.filter((one) => one !== next && one !== old)];
      for (let count = dice.below(5); count > 0; count--) deliver(old);
      while (next.wire.length > 0) deliver(next);
      expect(keeper.connectionClosed(old.epoch, now as Micros, 'disconnected')).toEqual([]);
    }
    if (dice.chance(0.3)) keeper.tick(now as Micros);
  }
  for (let round = 0; round < 40; round++) {
    for (const socket of sockets) while (socket.wire.length > 0) deliver(socket);
    now += 500 * MILLI;
    keeper.tick(now as Micros);
  }
  return { venue, lines, keeper, end: venueTime() };
}

function check(seed: number, skew: number): number {
  const { venue, lines, end } = run(seed, skew);
  const captured = new Map<string, number>();
  for (const line of lines) {
    if (line.kind !== 'book_delta') continue;
    const key = `${line.instrument} ${line.exchange_ts} ${line.side} ${line.price} ${line.change}`;
    captured.set(key, Math.max(captured.get(key) ?? 0, line.occurrence + 1));
  }
  for (const instrument of INSTRUMENTS) {
    const gaps = gapsOf(lines, instrument);
    const needed = new Map<string, number>();
    for (const change of venue.changes) {
      if (change.instrument !== instrument) continue;
      const key = `${instrument} ${change.time} ${change.side} ${change.price} ${change.change}`;
      needed.set(key, (needed.get(key) ?? 0) + 1);
      if ((captured.get(key) ?? 0) >= needed.get(key)!) continue;
      // Before its start the line vouches for nothing.
      if (change.time < START) continue;
      const isDeclared = gaps.some(
        (gap) => gap.from <= change.time && (gap.to === null || gap.to >= change.time),
      );
      expect(isDeclared, `seed ${seed}: ${key} is lost without a gap in ${JSON.stringify(gaps)}`).toBe(true);
    }
    // Nothing is captured that did not happen, and nothing more often than it did.
    for (const [key, count] of captured) {
      if (key.startsWith(`${instrument} `)) expect(count).toBeLessThanOrEqual(needed.get(key) ?? 0);
    }
  }
  let vouched = 0;
  const dice = new Dice(seed + 1);
  for (let sample = 0; sample < 60; sample++) {
    const instrument = INSTRUMENTS[dice.below(INSTRUMENTS.length)]!;
    const time = START + dice.below(end - START);
    const rebuilt = rebuild(lines, instrument, time);
    if (rebuilt === null) continue;
    vouched++;
    expect(rebuilt, `seed ${seed}: ${instrument} at ${time}`).toEqual(venue.levelsAt(instrument, time));
  }
  return vouched;
}

describe('the keeper of a venue with sequence numbers', () => {
  it('shows only right books, loses nothing outside its gaps, and what it wrote rebuilds the venue’s books', () => {
    let vouched = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        vouched += check(seed, 0);
      }),
      { numRuns: 60 },
    );
    // Most instants can be rebuilt: it would be easy to be right by never vouching for anything.
    expect(vouched).toBeGreaterThan(60 * 60 * 0.3);
  });

  it('holds the same with the venue’s clock ahead of ours, and behind it', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(-5_000_000, 3_000_000), (seed, skew) => {
        check(seed, skew);
      }),
      { numRuns: 60 },
    );
  });
});
