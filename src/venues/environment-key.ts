import { readFileSync } from 'node:fs';
import type { Venue } from '../events/event.ts';
import type { VenueKey } from './venue.ts';

/** A key that cannot be used: a fault of whoever set it. Never holds any of it. */
export class VenueKeyError extends Error {
  override readonly name: string = 'VenueKeyError';
}

/** A key that is named but cannot be had. */
export class VenueKeyMissing extends VenueKeyError {
  override readonly name = 'VenueKeyMissing';
}

/** The variables that a venue's key is read from. */
export function keyVariables(venue: Venue): {
  readonly id: string;
  readonly text: string;
  readonly file: string;
} {
  const prefix = venue.toUpperCase();
  return { id: `${prefix}_KEY_ID`, text: `${prefix}_PRIVATE_KEY`, file: `${prefix}_PRIVATE_KEY_FILE` };
}

function readKeyFile(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new VenueKeyMissing(`${variable}: ${file} cannot be read (${code})`);
  }
}

/**
 * The key that the environment holds: an id, and a PEM text or a file of it.
 *
 * @returns null when no private key is named.
 * @throws VenueKeyMissing when one is named and cannot be had, or has no id.
 */
export function environmentKey(
  venue: Venue,
  environment: Readonly<Record<string, unknown>>,
): VenueKey | null {
  const variables = keyVariables(venue);
  const read = (name: string): string => {
    const value = environment[name];
    return typeof value === 'string' ? value : '';
  };
  const file = read(variables.file);
  let privateKey = read(variables.text);
  if (privateKey === '' && file !== '') privateKey = readKeyFile(variables.file, file);
  if (privateKey === '') return null;
  const keyId = read(variables.id);
  if (keyId === '') throw new VenueKeyMissing(`a private key of ${venue} is set, but ${variables.id} is not`);
  return { keyId, privateKey };
}
