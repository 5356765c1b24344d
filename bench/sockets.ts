import { fork } from 'node:child_process';
import WebSocket from 'ws';
import type { ConnectionEpoch } from '#src/capture/line.ts';
import type { Socket } from '#src/connections/socket.ts';
import { webSocketFactory } from '#src/connections/websocket.ts';
import { CaptureLine } from './capture-line.ts';
import { type SocketInput, socketInput } from './inputs/socket-input.ts';
import { type Contender, measure, rateRow } from './measure.ts';
import type { Extent, Row, Subject } from './row.ts';

const FRAMES = 100_000;

/** Counts what arrives on all connections up to the number that is due. */
class Arrivals {
  private left = 0;
  private done: () => void = () => {};

  expect(count: number): Promise<void> {
    this.left = count;
    return new Promise((resolve) => {
      this.done = resolve;
    });
  }

  one(): void {
    if (--this.left === 0) this.done();
  }
}

interface Receiver {
  readonly send: (text: string) => void;
  readonly close: () => void;
}

/** A contender over its own connections; `connect` opens one and calls `arrived` for every frame it has dealt with. */
function receiving(
  name: string,
  { connections, first }: SocketInput,
  connect: (number: number, arrived: () => void, opened: () => void) => Receiver,
  begin: () => Promise<void>,
): Contender {
  const arrivals = new Arrivals();
  const beginning = first.reduce((sum, count) => sum + count, 0);
  const rest = connections.reduce((sum, { frames }) => sum + frames.length, 0) - beginning;
  let receivers: Receiver[] = [];
  const ask = (part: 'first' | 'rest', count: number): Promise<void> => {
    const arrived = arrivals.expect(count);
    for (const receiver of receivers) receiver.send(part);
    return arrived;
  };
  return {
    name,
    prepare: async () => {
      for (const receiver of receivers) receiver.close();
      await begin();
      const opened = connections.map((_, number) => {
        let receiver: Receiver | null = null;
        return new Promise<Receiver>((resolve) => {
          receiver = connect(
            number,
            () => arrivals.one(),
            () => resolve(receiver!),
          );
        });
      });
      receivers = await Promise.all(opened);
      await ask('first', beginning);
    },
    run: async () => {
      await ask('rest', rest);
      return rest;
    },
  };
}

async function rowOf(count: number, extent: Extent): Promise<Row> {
  const input = socketInput(FRAMES, count);
  const server = fork(new URL('./socket-server.ts', import.meta.url), [String(FRAMES), String(count)], {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.stdout!.once('data', (text: Buffer) => resolve(Number(String(text))));
    server.once('exit', (code) => reject(new Error(`the server of frames ended with ${code}`)));
  });
  const url = (number: number) => `ws://127.0.0.1:${port}/${number}`;
  const factory = webSocketFactory();
  let line: CaptureLine | null = null;
  const ours = receiving(
    'sockets and the whole hot path',
    input,
    (number, arrived, opened) => {
      const { instruments, frames } = input.connections[number]!;
      const epoch: ConnectionEpoch = line!.connect(`kalshi-${number}#1`, instruments, frames[0]!.at);
      let next = 0;
      const socket: Socket = factory(
        { url: url(number), headers: {} },
        {
          opened,
          message: () => {},
          text: (bytes) => {
            line!.frame(epoch, bytes, frames[next++]!.at);
            arrived();
          },
          heartbeat: () => {},
          refused: () => {},
          closed: () => {},
        },
      );
      return { send: (text) => socket.send(text), close: () => socket.terminate() };
    },
    async () => {
      await line?.close();
      line = await CaptureLine.open('kalshi');
    },
  );
  let kept: unknown = null;
  const bare = receiving(
    'ws and JSON.parse',
    input,
    (number, arrived, opened) => {
      const socket = new WebSocket(url(number), { perMessageDeflate: false });
      socket.on('open', opened);
      socket.on('message', (data: Buffer) => {
        kept = JSON.parse(data.toString('utf8'));
        arrived();
      });
      return { send: (text) => socket.send(text), close: () => socket.terminate() };
    },
    async () => {},
  );
  const rates = await measure([ours, bare], extent.rounds);
  server.disconnect();
  if (kept === null) throw new Error('nothing arrived');
  return rateRow(rates, ours.name, bare.name, {
    name: `receive and the whole hot path, ${count} connection${count === 1 ? '' : 's'}`,
    reach: 0.5,
    unit: 'frames/s of CPU',
  });
}

export const subject: Subject = {
  name: 'sockets',
  run: async (extent) => [await rowOf(1, extent), await rowOf(150, extent)],
};
