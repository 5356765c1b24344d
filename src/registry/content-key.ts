import { hash } from 'node:crypto';

/** A 48-bit key of a JSON value, never 0: equal content, equal key. */
export function contentKey(content: unknown): number {
  const key = hash('sha1', JSON.stringify(content) ?? 'null', 'buffer').readUIntBE(0, 6);
  return key === 0 ? 1 : key;
}
