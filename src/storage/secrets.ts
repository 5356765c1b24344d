import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ReadSecret } from './connection.ts';

/** Reads secrets from Secrets Manager; each time anew, because they are rotated. */
export function secretsManagerReader(client: Pick<SecretsManagerClient, 'send'>): ReadSecret {
  return async (name) => {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
    if (SecretString === undefined) throw new Error('it holds no text');
    return SecretString;
  };
}
