import { constants, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type Clock, MICROS_PER_MILLI } from '../../units/time.ts';
import { VenueKeyError } from '../environment-key.ts';

/** Headers that authenticate one request, or one WebSocket upgrade, made now. Never reuse them. */
export type KalshiSigner = (method: string, path: string) => Readonly<Record<string, string>>;

/** A key that cannot be used. Says why and never holds any of it. */
export class KalshiKeyError extends VenueKeyError {
  override readonly name = 'KalshiKeyError';
}

const SALT_BYTES = 32;

/**
 * Signs as Kalshi asks: over `timestamp in ms + METHOD + path`, the path from the root (`/trade-api/v2/…`) and
 * without query; RSA keys by RSA-PSS with SHA-256, MGF1 of SHA-256 and a salt of 32 bytes, Ed25519 keys directly.
 * Which, the parsed key tells, not the label of its PEM.
 *
 * @param pem private key; `\n` written as two characters, as environment variables often hold it, is understood
 * @throws KalshiKeyError when the key id is empty or the key is none that Kalshi takes
 */
export function kalshiSigner(keyId: string, pem: string, clock: Clock): KalshiSigner {
  if (keyId.trim() === '') throw new KalshiKeyError('the Kalshi key id is empty');
  const key = readPrivateKey(pem);
  const signature = signatureBy(key);
  return (method, path) => {
    const timestamp = String(Math.floor(clock() / MICROS_PER_MILLI));
    const signed = Buffer.from(`${timestamp}${method.toUpperCase()}${withoutQuery(path)}`);
    return {
      'KALSHI-ACCESS-KEY': keyId.trim(),
      'KALSHI-ACCESS-TIMESTAMP': timestamp,
      'KALSHI-ACCESS-SIGNATURE': signature(signed).toString('base64'),
    };
  };
}

function withoutQuery(path: string): string {
  const mark = path.indexOf('?');
  return mark < 0 ? path : path.slice(0, mark);
}

function signatureBy(key: KeyObject): (data: Buffer) => Buffer {
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return (data) =>
        sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES });
    case 'ed25519':
      return (data) => sign(null, data, key);
    default:
      throw new KalshiKeyError(
        `the Kalshi private key is of type ${key.asymmetricKeyType}; expected RSA or Ed25519`,
      );
  }
}

function readPrivateKey(pem: string): KeyObject {
  const text = pem.replaceAll('\\n', '\n').replaceAll('\r\n', '\n').trim();
  if (text === '') throw new KalshiKeyError('the Kalshi private key is empty');
  if (!text.startsWith('-----BEGIN ')) {
    throw new KalshiKeyError(
      'the Kalshi private key is not PEM: it must begin with a line like "-----BEGIN PRIVATE KEY-----"',
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    // What the cryptographic library says is withheld: nothing of the key may reach a log.
    throw new KalshiKeyError(`the Kalshi private key cannot be read: ${whyUnreadable(text)}`);
  }
}

function whyUnreadable(text: string): string {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  if (label === undefined) return 'its first line is not a PEM label';
  if (label.startsWith('ENCRYPTED') || text.includes('Proc-Type: 4,ENCRYPTED')) {
    return 'it is encrypted with a passphrase; store it decrypted';
  }
  if (isPublicKey(text)) return 'it is a public key; the private one is needed';
  if (label === 'OPENSSH PRIVATE KEY') return 'it is in OpenSSH format; convert it to PKCS#8 PEM';
  if (!text.includes(`-----END ${label}-----`)) return 'its last line is missing, the text is cut off';
  return `the text between its "${label}" lines is damaged`;
}

function isPublicKey(text: string): boolean {
  try {
    createPublicKey(text);
    return true;
  } catch {
    return false;
  }
}
