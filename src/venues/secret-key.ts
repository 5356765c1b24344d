import { z } from 'zod';
import { VenueKeyMissing } from './environment-key.ts';
import type { VenueKey } from './venue.ts';

const secretSchema = z.object({ key_id: z.string().min(1), private_key: z.string().min(1) });

/**
 * The key that a secret holds: `{"key_id": …, "private_key": PEM}`.
 *
 * @param name of the secret, for the error. What the parsers say is not told: it quotes the secret.
 * @throws VenueKeyMissing when the text is something else.
 */
export function venueKeyOfSecret(name: string, text: string): VenueKey {
  let parsed: z.infer<typeof secretSchema>;
  try {
    parsed = secretSchema.parse(JSON.parse(text));
  } catch {
    throw new VenueKeyMissing(`secret ${name} is not {"key_id": …, "private_key": PEM}`);
  }
  return { keyId: parsed.key_id, privateKey: parsed.private_key };
}
