import { once } from 'node:events';
import { type AddressInfo, createConnection } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { systemClock } from '#src/units/time.ts';
import { readInput } from '../../containers/gatherer/read-input.ts';

/** Sends when it is told to, and ends the connection at once; says so through memory, as nobody listens by then. */
const VENUE = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const told = new Int32Array(workerData);
const server = createServer((socket) => {
  Atomics.store(told, 1, 1);
  Atomics.notify(told, 1);
  Atomics.wait(told, 0, 0);
  socket.end('a frame', () => {
    Atomics.store(told, 2, 1);
    Atomics.notify(told, 2);
  });
}).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address()));
`;

test('what came while the process stood still has been read before anything is vouched for, its end included', async () => {
  const memory = new SharedArrayBuffer(12);
  const told = new Int32Array(memory);
  const venue = new Worker(VENUE, { eval: true, workerData: memory });
  try {
    const [{ port }] = (await once(venue, 'message')) as [AddressInfo];
    const socket = createConnection(port, '127.0.0.1');
    const heard: string[] = [];
    socket.on('data', (data) => heard.push(String(data)));
    socket.on('close', () => heard.push('closed'));
    await once(socket, 'connect');
    let [seen, read] = [-1, -1];
    await new Promise<void>((done) => {
      // Timers that are due together run one behind the other: the second is as a heartbeat that comes before sockets are read.
      setTimeout(() => {
        Atomics.wait(told, 1, 0);
        Atomics.store(told, 0, 1);
        Atomics.notify(told, 0);
        Atomics.wait(told, 2, 0, 1_000);
      }, 0);
      setTimeout(async () => {
        seen = heard.length;
        await readInput(systemClock());
        read = heard.length;
        done();
      }, 0);
    });
    expect(seen).toBe(0);
    expect(read).toBe(2);
    expect(heard).toEqual(['a frame', 'closed']);
  } finally {
    await venue.terminate();
  }
});
