import { isFields } from '../field-values.ts';
import type { SentSubscription } from '../venue.ts';

/** The tokens that a command sent to Polymarket asks for. Nothing answers it, and nothing is numbered. */
export function sentTokens(command: string): SentSubscription | null {
  let fields: unknown;
  try {
    fields = JSON.parse(command);
  } catch {
    return null;
  }
  if (!isFields(fields) || fields['operation'] === 'unsubscribe') return null;
  const tokens = fields['assets_ids'];
  if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === 'string')) return null;
  return { instruments: tokens as string[], sid: 0, id: null };
}
