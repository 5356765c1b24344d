import { constants, type KeyObject, verify } from 'node:crypto';
import { type Clock, MICROS_PER_MILLI } from '#src/units/time.ts';
import type { RestAnswer, RestRequest } from '../http/listener.ts';

export type Identity =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'signed'; readonly keyId: string }
  | { readonly kind: 'refused'; readonly answer: RestAnswer };

const LONGEST_AGE_MILLIS = 30_000;
const SALT_BYTES = 32;

function header(request: RestRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Checks signatures as Kalshi makes them (protocol: hosts, paths, authentication). */
export class KalshiAuthentication {
  readonly #keyId: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;

  /** @param key public key, RSA or Ed25519 */
  constructor(keyId: string, key: KeyObject, clock: Clock) {
    this.#keyId = keyId;
    this.#key = key;
    this.#clock = clock;
  }

  unauthorized(): RestAnswer {
    return {
      status: 401,
      body: { error: { code: 'token_authentication_failure', message: 'token authentication failure' } },
    };
  }

  identify(request: RestRequest): Identity {
    const keyId = header(request, 'kalshi-access-key');
    const timestamp = header(request, 'kalshi-access-timestamp');
    const signature = header(request, 'kalshi-access-signature');
    if (keyId === null && timestamp === null && signature === null) return { kind: 'unsigned' };
    const isRight =
      keyId === this.#keyId &&
      timestamp !== null &&
      signature !== null &&
      this.#isFresh(timestamp) &&
      this.#isSigned(`${timestamp}${request.method}${request.path}`, signature);
    return isRight ? { kind: 'signed', keyId } : { kind: 'refused', answer: this.unauthorized() };
  }

  #isFresh(timestamp: string): boolean {
    if (!/^\d{13}$/.test(timestamp)) return false;
    return Math.abs(this.#clock() / MICROS_PER_MILLI - Number(timestamp)) <= LONGEST_AGE_MILLIS;
  }

  #isSigned(text: string, signature: string): boolean {
    const data = Buffer.from(text);
    const bytes = Buffer.from(signature, 'base64');
    if (this.#key.asymmetricKeyType === 'ed25519') return verify(null, data, this.#key, bytes);
    const key = { key: this.#key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES };
    return verify('sha256', data, key, bytes);
  }
}
