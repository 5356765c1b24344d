import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { environmentKey } from '#src/venues/environment-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'tape-key-'));
const file = join(folder, 'key.pem');
writeFileSync(file, 'PEM of the file');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a venue's key in the environment", () => {
  it('is its id with a text, or else with a file', () => {
    const id = { KALSHI_KEY_ID: 'id' };
    expect(environmentKey('kalshi', { ...id, KALSHI_PRIVATE_KEY: 'PEM' })).toEqual({
      keyId: 'id',
      privateKey: 'PEM',
    });
    const ofFile = { keyId: 'id', privateKey: 'PEM of the file' };
    expect(environmentKey('kalshi', { ...id, KALSHI_PRIVATE_KEY_FILE: file })).toEqual(ofFile);
    expect(
      environmentKey('kalshi', { ...id, KALSHI_PRIVATE_KEY: '', KALSHI_PRIVATE_KEY_FILE: file }),
    ).toEqual(ofFile);
  });

  it('is none where nothing names one, nor where it is the key of another venue', () => {
    expect(environmentKey('kalshi', {})).toBeNull();
    expect(environmentKey('kalshi', { KALSHI_KEY_ID: 'id', KALSHI_PRIVATE_KEY: '' })).toBeNull();
    expect(environmentKey('polymarket', { KALSHI_KEY_ID: 'id', KALSHI_PRIVATE_KEY: 'PEM' })).toBeNull();
  });

  it('says what is missing, and nothing of the key', () => {
    expect(() => environmentKey('kalshi', { KALSHI_PRIVATE_KEY: 'SECRET' })).toThrow(
      /^a private key of kalshi is set, but KALSHI_KEY_ID is not$/,
    );
    const missing = join(folder, 'none.pem');
    expect(() => environmentKey('kalshi', { KALSHI_KEY_ID: 'id', KALSHI_PRIVATE_KEY_FILE: missing })).toThrow(
      `KALSHI_PRIVATE_KEY_FILE: ${missing} cannot be read (ENOENT)`,
    );
  });
});
