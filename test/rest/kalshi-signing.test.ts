import { constants, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Micros } from '#src/units/time.ts';
import { KalshiKeyError, kalshiSigner } from '#src/venues/kalshi/signing.ts';

const clock = (): Micros => 1_795_187_045_123_456 as Micros;
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const pkcs1 = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const ed25519 = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

function holds(headers: Readonly<Record<string, string>>, publicKey: string, signed: string): boolean {
  const signature = Buffer.from(headers['KALSHI-ACCESS-SIGNATURE']!, 'base64');
  const key = createPublicKey(publicKey);
  if (key.asymmetricKeyType === 'ed25519') return verify(null, Buffer.from(signed), key, signature);
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return verify('sha256', Buffer.from(signed), padding, signature);
}

describe('signing for Kalshi', () => {
  it.each([
    ['an RSA key in PKCS#8', rsa],
    ['an RSA key in PKCS#1', pkcs1],
    ['an Ed25519 key', ed25519],
  ])('with %s covers milliseconds, method and path without query', (_, { privateKey, publicKey }) => {
    const headers = kalshiSigner('key-1', privateKey, clock)('get', '/trade-api/v2/markets?limit=5');
    expect(headers['KALSHI-ACCESS-KEY']).toBe('key-1');
    expect(headers['KALSHI-ACCESS-TIMESTAMP']).toBe('1795187045123');
    expect(holds(headers, publicKey, '1795187045123GET/trade-api/v2/markets')).toBe(true);
    expect(holds(headers, publicKey, '1795187045123GET/trade-api/v2/markets?limit=5')).toBe(false);
  });

  it('takes the new time for every call', () => {
    let now = 1_000_000;
    const sign = kalshiSigner('key-1', ed25519.privateKey, () => now as Micros);
    const first = sign('GET', '/trade-api/ws/v2');
    now += 5_000;
    const second = sign('GET', '/trade-api/ws/v2');
    expect(first['KALSHI-ACCESS-TIMESTAMP']).toBe('1000');
    expect(second['KALSHI-ACCESS-TIMESTAMP']).toBe('1005');
    expect(second['KALSHI-ACCESS-SIGNATURE']).not.toBe(first['KALSHI-ACCESS-SIGNATURE']);
  });

  it('reads a key whose line ends were written as backslash n', () => {
    const escaped = rsa.privateKey.replaceAll('\n', '\\n');
    const headers = kalshiSigner('key-1', escaped, clock)('GET', '/x');
    expect(holds(headers, rsa.publicKey, '1795187045123GET/x')).toBe(true);
  });

  const encrypted = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
  }).privateKey;
  const elliptic = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;
  const lines = rsa.privateKey.split('\n');

  it.each([
    ['an empty key', '', /is empty/],
    ['text that is no PEM', 'c2VjcmV0c2VjcmV0', /is not PEM/],
    ['a public key', rsa.publicKey, /is a public key/],
    ['an encrypted key', encrypted, /encrypted with a passphrase/],
    ['a key of another kind', elliptic, /type ec; expected RSA or Ed25519/],
    ['a key that was cut off', lines.slice(0, 10).join('\n'), /cut off/],
    ['a damaged key', [lines[0], 'AAAA', ...lines.slice(2)].join('\n'), /damaged/],
  ])('refuses %s with a reason that holds nothing of it', (_, pem, reason) => {
    let message = '';
    try {
      kalshiSigner('key-1', pem, clock);
    } catch (error) {
      expect(error).toBeInstanceOf(KalshiKeyError);
      expect((error as Error).cause).toBeUndefined();
      message = (error as Error).message;
    }
    expect(message).toMatch(reason);
    for (const line of pem.split('\n').filter((text) => text.length > 10 && !text.startsWith('-----'))) {
      expect(message).not.toContain(line.slice(0, 10));
    }
  });

  it('refuses an empty key id', () => {
    expect(() => kalshiSigner(' ', rsa.privateKey, clock)).toThrow(/key id is empty/);
  });
});
