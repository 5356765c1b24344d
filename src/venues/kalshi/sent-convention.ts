import { type Fields, isFields } from '../field-values.ts';
import type { SentSubscription } from '../venue.ts';

interface SentCommand {
  readonly id: number | null;
  readonly cmd: unknown;
  readonly params: Fields;
}

function readCommand(command: string): SentCommand | null {
  let fields: unknown;
  try {
    fields = JSON.parse(command);
  } catch {
    return null;
  }
  if (!isFields(fields) || !isFields(fields['params'])) return null;
  const { id, cmd, params } = fields;
  return { id: typeof id === 'number' ? id : null, cmd, params };
}

/**
 * What a command sent to Kalshi says of the price convention of its connection: true or false where it subscribes
 * to books, null for every other command. Without the flag NO levels come in NO prices.
 */
export function sentUseYesPrice(command: string): boolean | null {
  const sent = readCommand(command);
  if (sent === null || sent.cmd !== 'subscribe') return null;
  const { channels, use_yes_price } = sent.params;
  if (!Array.isArray(channels) || !channels.includes('orderbook_delta')) return null;
  return use_yes_price === true;
}

/** The books that a command sent to Kalshi asks for: with a subscription of their own, or beside those of one. */
export function sentBooks(command: string): SentSubscription | null {
  const sent = readCommand(command);
  if (sent === null) return null;
  const { channels, market_tickers, action, sids, sid } = sent.params;
  const isTickers = Array.isArray(market_tickers) && market_tickers.every((one) => typeof one === 'string');
  if (!isTickers) return null;
  const instruments = market_tickers as string[];
  if (sent.cmd === 'subscribe') {
    const isOfBooks = Array.isArray(channels) && channels.includes('orderbook_delta');
    return isOfBooks ? { instruments, sid: null, id: sent.id } : null;
  }
  if (sent.cmd !== 'update_subscription' || action !== 'add_markets') return null;
  const named: unknown = sid ?? (Array.isArray(sids) ? (sids[0] as unknown) : null);
  return typeof named === 'number' ? { instruments, sid: named, id: sent.id } : null;
}
