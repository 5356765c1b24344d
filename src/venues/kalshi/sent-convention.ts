import { isFields } from '../field-values.ts';

/**
 * What a command sent to Kalshi says of the price convention of its connection: true or false where it subscribes
 * to books, null for every other command. Without the flag NO levels come in NO prices.
 */
export function sentUseYesPrice(command: string): boolean | null {
  let fields: unknown;
  try {
    fields = JSON.parse(command);
  } catch {
    return null;
  }
  if (!isFields(fields) || fields['cmd'] !== 'subscribe' || !isFields(fields['params'])) return null;
  const { channels, use_yes_price } = fields['params'];
  if (!Array.isArray(channels) || !channels.includes('orderbook_delta')) return null;
  return use_yes_price === true;
}
