import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Settings with which the server must not start. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** Shorter keys can be guessed. */
const SHORTEST_KEY = 16;

/** Whether a server that listens there is reached from its own machine only. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (plain === 'localhost' || plain === '::1') return true;
  return isIP(plain) === 4 && plain.startsWith('127.');
}

/** The host of a `Host` header, without its port. */
export const hostOf = (header: string): string => header.replace(/:\d+$/, '');

/** @throws AccessError where a key is needed and there is none, or one that is too short. */
export function checkAccess(host: string, key: string | null): void {
  if (key !== null && key.length < SHORTEST_KEY)
    throw new AccessError(`the API key is shorter than ${SHORTEST_KEY} characters`);
  if (key === null && !isLoopback(host)) {
    throw new AccessError(
      `${host} can be reached from elsewhere: set TAPE_API_KEY, or TAPE_API_KEY_SECRET to the name of a secret that holds the key`,
    );
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares keys in a time that tells nothing of where they differ, nor of their lengths. */
export function keyChecker(key: string): (offered: string | null) => boolean {
  const expected = digest(key);
  return (offered) => timingSafeEqual(digest(offered ?? ''), expected);
}

/** The key that a request brings: `Authorization: Bearer KEY`, or `X-API-Key: KEY`. */
export function offeredKey(headers: Headers): string | null {
  const bearer = /^Bearer (\S+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  return bearer ?? headers.get('x-api-key');
}
