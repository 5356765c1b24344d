import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { HealthServer } from '#src/telemetry/health-server.ts';
import { KinesisGate } from '../../faults/live/kinesis-gate.ts';
import { TcpGate } from '../../faults/live/tcp-gate.ts';
import { stage } from '../sim/support.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Other addresses of this machine: of the loopback network where the system has more of it, and of the outside. */
const elsewhere = [
  '127.0.0.2',
  ...Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address),
];

/** Whether somebody answers there. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const done = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}

async function expectLoopbackOnly(what: string, url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  expect(hostname, what).toBe('127.0.0.1');
  expect(await answers('127.0.0.1', Number(port)), what).toBe(true);
  for (const host of elsewhere) expect(await answers(host, Number(port)), `${what} at ${host}`).toBe(false);
}

/** The stand-ins for AWS, as the local run starts them. */
async function standIns(): Promise<Record<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), 'stand-ins-'));
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../local/stand-ins/main.ts', import.meta.url)),
      JSON.stringify({ directory, streams: [], tables: [], buckets: ['raw'] }),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  closers.push(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error('the stand-ins said nothing');
}

describe('servers of a run on one machine', () => {
  it('can be reached from this machine alone', async () => {
    const { kinesis, dynamodb, s3 } = await standIns();
    for (const [what, url] of Object.entries({ kinesis, dynamodb, s3 })) await expectLoopbackOnly(what, url!);

    const exchange = await stage();
    closers.push(() => exchange.stop());
    const { kalshi, polymarket, control } = exchange.simulation.ready;
    const venues = { ...kalshi, ...polymarket, control };
    for (const [what, url] of Object.entries(venues)) await expectLoopbackOnly(`simulated ${what}`, url);

    await expectLoopbackOnly('databases', (await databases.server()).url('postgres'));

    const health = await HealthServer.start({ port: 0 });
    closers.push(() => health.close());
    await expectLoopbackOnly('health', `http://127.0.0.1:${health.port}`);

    const gate = await TcpGate.open();
    closers.push(() => gate.close());
    const kinesisGate = await KinesisGate.open();
    closers.push(() => kinesisGate.close());
    await expectLoopbackOnly('a gate of the faults', kinesisGate.through('http://127.0.0.1:1'));
  });
});
