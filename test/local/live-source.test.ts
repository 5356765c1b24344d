import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { liveSource } from '../../local/run/venue-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'live-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a run on the real venues', () => {
  it('leaves Kalshi out without a key, unless the user says otherwise', () => {
    expect(liveSource({})).toMatchObject({ environment: { KALSHI_ENABLED: 'false' }, keys: {} });
    expect(liveSource({ KALSHI_ENABLED: 'true' }).environment).toEqual({ KALSHI_ENABLED: 'true' });
  });

  it('has the key of the user for whoever asks Kalshi by REST, from a text or a file', () => {
    const file = join(folder, 'kalshi.pem');
    writeFileSync(file, 'of the file');
    const fromFile = liveSource({ KALSHI_KEY_ID: 'me', KALSHI_PRIVATE_KEY_FILE: file });
    expect(fromFile).toMatchObject({
      environment: {},
      keys: { kalshi: { keyId: 'me', privateKey: 'of the file' } },
    });
    const fromText = liveSource({ KALSHI_KEY_ID: 'me', KALSHI_PRIVATE_KEY: 'of the text' });
    expect(fromText.keys.kalshi).toEqual({ keyId: 'me', privateKey: 'of the text' });
  });

  it('says in one line what is missing of a key', () => {
    expect(() => liveSource({ KALSHI_PRIVATE_KEY: 'pem' })).toThrow(
      'a private key of kalshi is set, but KALSHI_KEY_ID is not',
    );
    const gone = join(folder, 'gone.pem');
    expect(() => liveSource({ KALSHI_KEY_ID: 'me', KALSHI_PRIVATE_KEY_FILE: gone })).toThrow(
      `KALSHI_PRIVATE_KEY_FILE: ${gone} cannot be read (ENOENT)`,
    );
  });
});
