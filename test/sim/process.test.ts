import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { kalshiKey, numberArgument, wholeArgument } from '../../sim/arguments.ts';
import { get, KalshiClient } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'sim-process-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const module = (name: string): string => fileURLToPath(new URL(`../../sim/${name}`, import.meta.url));

interface Started {
  readonly process: ChildProcess;
  // biome-ignore lint/suspicious/noExplicitAny: the ready line
  readonly ready: any;
  readonly lines: string[];
  readonly messages: unknown[];
  stop(): Promise<number | null>;
}

async function start(name: string, parameters: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [module(name), ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const lines: string[] = [];
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const first = Promise.withResolvers<string>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line);
    first.resolve(line);
  });
  return {
    process: child,
    ready: JSON.parse(await first.promise),
    lines,
    messages,
    stop: async () => {
      child.kill('SIGTERM');
      return await exit;
    },
  };
}

describe('the simulated exchange as a process', () => {
  it('prints its addresses and a key, serves both venues, writes the truth, and ends cleanly', async () => {
    const truth = join(folder, 'truth.jsonl');
    const running = await start('main.ts', [
      '--seed',
      '3',
      '--kalshi-markets',
      '30',
      '--polymarket-markets',
      '15',
      '--truth',
      truth,
    ]);
    const { ready } = running;
    expect(ready).toMatchObject({
      ready: true,
      kalshi: { rest: expect.any(String), ws: expect.any(String) },
      polymarket: { clob: expect.any(String), gamma: expect.any(String), ws: expect.any(String) },
      control: expect.any(String),
    });
    const sign = kalshiSigner(ready.key.id, readFileSync(ready.key.private_key_file, 'utf8'), systemClock());
    const client = new KalshiClient(ready.kalshi.ws, { ...sign('GET', '/trade-api/ws/v2') });
    await client.opened;
    await client.command('subscribe', { channels: ['ticker', 'trade'] });
    while (client.messages().length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.terminate();
    const paused = await fetch(`${ready.control}/control/pause`, { method: 'POST' });
    expect(await paused.json()).toMatchObject({ paused: true, kalshi: { markets: expect.any(Number) } });
    const flushed = (await (await fetch(`${ready.control}/control/flush`, { method: 'POST' })).json()) as {
      truth: { records: number };
    };
    const lines = readFileSync(truth, 'utf8').trim().split('\n');
    expect(lines.length).toBe(flushed.truth.records + 1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ kind: 'header', version: 1, seed: 3 });
    const page = await get(`${ready.control}/control/truth?after=2&limit=3`);
    expect(page.body.records.map(({ n }: { n: number }) => n)).toEqual([3, 4, 5]);
    expect(await running.stop()).toBe(0);
    expect(existsSync(ready.key.private_key_file)).toBe(false);
  });

  it('ends by itself after the time that it was given, and leaves no file that nobody named', async () => {
    const running = await start('main.ts', [
      '--kalshi-markets',
      '5',
      '--polymarket-markets',
      '5',
      '--seconds',
      '2',
    ]);
    const { body } = await get(`${running.ready.control}/control/status`);
    expect(existsSync(body.truth.file)).toBe(true);
    await new Promise((resolve) => running.process.once('exit', resolve));
    expect(running.process.exitCode).toBe(0);
    expect(existsSync(body.truth.file)).toBe(false);
    expect(existsSync(running.ready.key.private_key_file)).toBe(false);
  });

  it('says in one line what is wrong with its arguments', () => {
    const cases: [string, string[], RegExp][] = [
      ['main.ts', ['--seed', 'x'], /^tape sim: --seed must be/],
      ['main.ts', ['--truth', join(folder, 'none', 'truth')], /^tape sim: ENOENT/],
      ['replay-main.ts', [], /^tape replay: --path is required/],
      ['replay-main.ts', ['--path', join(folder, 'none')], /^tape replay: .*none/],
    ];
    for (const [name, parameters, expected] of cases) {
      const { status, stderr } = spawnSync(process.execPath, [module(name), ...parameters], {
        encoding: 'utf8',
      });
      expect(stderr, parameters.join(' ')).toMatch(expected);
      expect(stderr.trim().split('\n').length).toBe(1);
      expect(status).toBe(1);
    }
  });
});

describe('arguments', () => {
  it('that are no number, out of range, or no key are named', () => {
    expect(wholeArgument('seed', '7', 0)).toBe(7);
    expect(wholeArgument('seed', undefined, 0)).toBeNull();
    for (const text of ['x', '', '-1', '1.5', 'Infinity'])
      expect(() => wholeArgument('seed', text, 0)).toThrow(/^--seed must be/);
    expect(() => numberArgument('port', '70000', 0, 65_532)).toThrow(
      '--port must be a number from 0 to 65532, got "70000"',
    );
    const file = join(folder, 'no-key.pem');
    expect(() => kalshiKey('k', file)).toThrow(/no-key\.pem: ENOENT/);
    writeFileSync(file, 'not a key');
    expect(() => kalshiKey('k', file)).toThrow(/^--kalshi-public-key .*no-key\.pem/);
  });
});

describe('the replay server as a process', () => {
  it('plays, says that it has ended, to its parent too, and stays', async () => {
    const file = join(folder, 'short.jsonl');
    writeFileSync(
      file,
      '{"t":1,"conn":"x","frame":"{\\"asset_id\\":\\"1\\",\\"market\\":\\"0xa\\",\\"event_type\\":\\"book\\",\\"bids\\":[],\\"asks\\":[]}"}\nnot json\n',
    );
    const running = await start('replay-main.ts', [
      '--path',
      file,
      '--speed',
      'max',
      '--wait-subscriptions',
      '0',
    ]);
    expect(running.ready).toMatchObject({
      polymarket: expect.any(Object),
      recording: { messages: 1, skipped: 1 },
    });
    expect(running.ready.kalshi).toBeUndefined();
    while (running.messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(running.messages).toEqual([{ type: 'ended' }]);
    expect(JSON.parse(running.lines[1]!)).toMatchObject({ ended: true, played: 1 });
    expect((await get(`${running.ready.polymarket.clob}/ok`)).body).toBe('OK');
    expect(await running.stop()).toBe(0);
  });
});
