import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Venue } from '#src/events/event.ts';
import { environmentKey, VenueKeyMissing } from '#src/venues/environment-key.ts';
import { venueKeyOfSecret } from '#src/venues/secret-key.ts';
import type { VenueKey } from '#src/venues/venue.ts';
import type { GathererEnvironment } from './contract.ts';

async function fromSecret(name: string, region: string): Promise<VenueKey> {
  const client = new SecretsManagerClient({ region });
  let text: string | undefined;
  try {
    text = (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
  } catch (error) {
    throw new VenueKeyMissing(`secret ${name} cannot be read: ${(error as Error).name}`);
  } finally {
    client.destroy();
  }
  return venueKeyOfSecret(name, text ?? '');
}

/**
 * A venue's key: from the configured secret, else from the environment.
 *
 * @param secret its name; empty where none is configured.
 * @returns null when nothing names a key.
 * @throws VenueKeyMissing when something does and it cannot be had.
 */
export async function readVenueKey(
  venue: Venue,
  secret: string,
  environment: GathererEnvironment,
): Promise<VenueKey | null> {
  if (secret !== '') return await fromSecret(secret, environment.AWS_REGION);
  return environmentKey(venue, environment);
}
