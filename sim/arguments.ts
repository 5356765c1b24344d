import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Arguments that cannot be understood: one line for the user. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** A number among the arguments. @throws ArgumentError */
export function numberArgument(
  name: string,
  text: string | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
    throw new ArgumentError(
      `--${name} must be a number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}, got "${text}"`,
    );
  }
  return value;
}

/** A whole number among the arguments. @throws ArgumentError */
export function wholeArgument(
  name: string,
  text: string | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | null {
  const value = numberArgument(name, text, least, most);
  if (value !== null && !Number.isInteger(value))
    throw new ArgumentError(`--${name} must be a whole number, got "${text}"`);
  return value;
}

export interface KalshiKey {
  readonly id: string;
  readonly publicKey: KeyObject;
  /** Where the private half was written, when the key was made here. */
  readonly privateKeyFile: string | null;
}

/**
 * The key that clients sign with: its public half from a file, or a new pair whose private half goes to a file of
 * the user alone, until the process exits. @throws ArgumentError when the file holds no public key
 */
export function kalshiKey(id: string, publicKeyFile: string | undefined): KalshiKey {
  if (publicKeyFile !== undefined) {
    try {
      return { id, publicKey: createPublicKey(readFileSync(publicKeyFile)), privateKeyFile: null };
    } catch (error) {
      throw new ArgumentError(`--kalshi-public-key ${publicKeyFile}: ${(error as Error).message}`);
    }
  }
  // Of the two kinds of keys the one that every client of the venue can sign with.
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const folder = mkdtempSync(join(tmpdir(), 'tape-sim-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const privateKeyFile = join(folder, 'kalshi-key.pem');
  writeFileSync(privateKeyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { id, publicKey: pair.publicKey, privateKeyFile };
}
