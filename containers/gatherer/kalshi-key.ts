import { readFileSync } from 'node:fs';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import type { GathererEnvironment } from './contract.ts';

export interface KalshiKey {
  readonly keyId: string;
  readonly privateKey: string;
}

/** A key that is named but cannot be had. Never holds any of it. */
export class KalshiKeyMissing extends Error {
  override readonly name = 'KalshiKeyMissing';
}

const secretSchema = z.object({ key_id: z.string().min(1), private_key: z.string().min(1) });

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KalshiKeyMissing(
      `KALSHI_PRIVATE_KEY_FILE ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

async function fromSecret(name: string, region: string): Promise<KalshiKey> {
  const client = new SecretsManagerClient({ region });
  let text: string | undefined;
  try {
    text = (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
  } catch (error) {
    throw new KalshiKeyMissing(`secret ${name} cannot be read: ${(error as Error).name}`);
  } finally {
    client.destroy();
  }
  let parsed: z.infer<typeof secretSchema>;
  try {
    parsed = secretSchema.parse(JSON.parse(text ?? ''));
  } catch {
    throw new KalshiKeyMissing(`secret ${name} is not {"key_id": …, "private_key": PEM}`);
  }
  return { keyId: parsed.key_id, privateKey: parsed.private_key };
}

/**
 * The Kalshi key: from the configured secret, else from the environment.
 *
 * @returns null when nothing names a key.
 * @throws KalshiKeyMissing when something does and it cannot be had.
 */
export async function readKalshiKey(
  secret: string,
  environment: GathererEnvironment,
): Promise<KalshiKey | null> {
  if (secret !== '') return await fromSecret(secret, environment.AWS_REGION);
  const { KALSHI_KEY_ID, KALSHI_PRIVATE_KEY, KALSHI_PRIVATE_KEY_FILE } = environment;
  const privateKey = KALSHI_PRIVATE_KEY || (KALSHI_PRIVATE_KEY_FILE && readKeyFile(KALSHI_PRIVATE_KEY_FILE));
  if (privateKey === undefined || privateKey === '') return null;
  if (KALSHI_KEY_ID === undefined || KALSHI_KEY_ID === '') {
    throw new KalshiKeyMissing('a Kalshi private key is set, but KALSHI_KEY_ID is not');
  }
  return { keyId: KALSHI_KEY_ID, privateKey };
}
