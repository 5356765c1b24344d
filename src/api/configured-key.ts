import type { ReadSecret } from '../storage/connection.ts';
import { AccessError } from './access-key.ts';

/**
 * The API key of the environment: `TAPE_API_KEY`, or the secret that `TAPE_API_KEY_SECRET` names. Null without either.
 *
 * @throws AccessError where the secret cannot be read; never tells what it holds.
 */
export async function configuredKey(
  environment: Readonly<Record<string, string | undefined>>,
  readSecret: () => Promise<ReadSecret>,
): Promise<string | null> {
  const key = environment['TAPE_API_KEY'];
  if (key !== undefined && key !== '') return key;
  const secret = environment['TAPE_API_KEY_SECRET'];
  if (secret === undefined || secret === '') return null;
  try {
    return (await (await readSecret())(secret)).trim();
  } catch (error) {
    throw new AccessError(
      `TAPE_API_KEY_SECRET: secret ${secret} cannot be read (${(error as Error).message})`,
    );
  }
}
