import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { configuredKey } from '#src/api/configured-key.ts';
import { serveCommand } from '../../cli/commands/serve.ts';
import { startTape } from '../end-to-end/tape.ts';

/** Nobody is there: it is asked for only when somebody asks. */
const DATABASE = ['--database', 'postgresql://127.0.0.1:1/none'];

afterEach(() => vi.unstubAllEnvs());

const run = (...values: string[]): Promise<unknown> =>
  serveCommand('0')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync(values, { from: 'user' });

describe('tape serve', () => {
  it('says in one line why it does not start', async () => {
    vi.stubEnv('TAPE_API_KEY', '');
    vi.stubEnv('TAPE_API_KEY_SECRET', '');
    await expect(run(...DATABASE, '--host', '0.0.0.0', '--port', '0')).rejects.toThrow(
      /^0\.0\.0\.0 can be reached from elsewhere: set TAPE_API_KEY/,
    );
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(run(...DATABASE, '--port', String(port))).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port} (EADDRINUSE)`,
    );
    other.close();
    await expect(run(...DATABASE, '--port', '70000')).rejects.toThrow(/expected a port/);
    await expect(run(...DATABASE, '--allow-origin', 'example.org')).rejects.toThrow(/expected an origin/);
  });

  it('serves until it is told to end, and never says its key', async () => {
    vi.stubEnv('TAPE_API_KEY', 'a-key-that-nobody-prints');
    const command = startTape('serve', ...DATABASE, '--port', '0');
    await expect.poll(() => command.stdout(), { timeout: 60_000 }).toMatch(/API +http\S+openapi.json/);
    const [, url] = /^console {2}(http:\S+)\/$/m.exec(command.stdout())!;
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    expect((await fetch(`${url}/v1/trades`)).status).toBe(401);
    process.kill(command.pid, 'SIGTERM');
    const { code, stdout, stderr } = await command.finished;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toContain('nobody-prints');
  });

  it('takes its key from the environment, or from a secret, which it never tells', async () => {
    const reader = async () => async (name: string) => {
      if (name === 'broken') throw new Error('access denied');
      return `key-of-${name}\n`;
    };
    expect(await configuredKey({ TAPE_API_KEY: 'k', TAPE_API_KEY_SECRET: 's' }, reader)).toBe('k');
    expect(await configuredKey({ TAPE_API_KEY: '', TAPE_API_KEY_SECRET: 's' }, reader)).toBe('key-of-s');
    expect(await configuredKey({}, reader)).toBeNull();
    await expect(configuredKey({ TAPE_API_KEY_SECRET: 'broken' }, reader)).rejects.toThrow(
      'TAPE_API_KEY_SECRET: secret broken cannot be read (access denied)',
    );
  });
});
