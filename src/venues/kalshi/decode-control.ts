import { type Fields, integerOf, isAbsent, isFields, KnownKeys, shown, textOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';

const SUBSCRIBED = new KnownKeys('subscribed', 'channel', 'sid');
const ERROR = new KnownKeys('error', 'code', 'msg', 'message', 'market_ticker', 'market_tickers', 'sid');

/** The id of the command that is answered; null where the venue speaks unasked. */
function idOf(frame: Fields, result: FrameResult): number | null {
  const id = integerOf(frame['id']);
  if (id !== undefined) return id;
  if (!isAbsent(frame['id'])) {
    result.problem('unknown_value', `id is ${shown(frame['id'])}, not a whole number; taken as none`);
  }
  return null;
}

const sidOf = (frame: Fields, msg: Fields | null): number | null =>
  integerOf(frame['sid']) ?? integerOf(msg?.['sid']) ?? null;

/** `subscribed`: one per channel, each with its own subscription id; it consumes no sequence number. */
export function decodeSubscribed(frame: Fields, result: FrameResult): void {
  const msg = isFields(frame['msg']) ? frame['msg'] : null;
  const channel = textOf(msg?.['channel']);
  const sid = sidOf(frame, msg);
  if (msg !== null) SUBSCRIBED.check(msg, result);
  if (channel === undefined || sid === null) {
    result.problem('missing_field', `subscribed: msg is ${shown(frame['msg'])}, not a channel and its sid`);
    return;
  }
  result.control({ type: 'subscribed', id: idOf(frame, result), channel, sid });
}

/** `unsubscribed`: the last message of its subscription. */
export function decodeUnsubscribed(frame: Fields, result: FrameResult): void {
  const sid = sidOf(frame, isFields(frame['msg']) ? frame['msg'] : null);
  if (sid === null) {
    result.problem('missing_field', `unsubscribed: sid is ${shown(frame['sid'])}`);
    return;
  }
  result.control({ type: 'unsubscribed', id: idOf(frame, result), sid });
}

/**
 * `ok` answers three things: a change of a subscription (its tickers, in `msg` today and beside it in 2025), a list
 * of subscriptions (`msg` is an array), and a change of an index filter (neither).
 */
export function decodeOk(frame: Fields, result: FrameResult): void {
  const { msg } = frame;
  const body = isFields(msg) ? msg : null;
  if (body === null && !isAbsent(msg) && !Array.isArray(msg)) {
    result.problem('unknown_value', `ok: msg is ${shown(msg)}, neither an object nor a list; left out`);
  }
  const tickers = textsOf(body?.['market_tickers'] ?? frame['market_tickers'], result);
  const subscriptions = Array.isArray(msg) ? subscriptionsOf(msg, result) : null;
  result.control({ type: 'ok', id: idOf(frame, result), sid: sidOf(frame, body), tickers, subscriptions });
}

/** `error`: the code tells what to do, the words are for people. */
export function decodeError(frame: Fields, result: FrameResult): void {
  const body = isFields(frame['msg']) ? frame['msg'] : frame;
  if (body !== frame) ERROR.check(body, result);
  const code = integerOf(body['code']);
  if (code === undefined) {
    result.problem('unknown_value', `error: code is ${shown(body['code'])}; taken as 0`);
  }
  const words = textOf(body['msg']) ?? textOf(body['message']);
  if (words === undefined) {
    result.problem('unknown_value', `error: msg is ${shown(body['msg'])}, not words; taken as a whole`);
  }
  const single = textOf(body['market_ticker']);
  const tickers = textsOf(body['market_tickers'], result) ?? (single === undefined ? [] : [single]);
  result.control({
    type: 'error',
    id: idOf(frame, result),
    sid: sidOf(frame, body),
    code: code ?? 0,
    message: words ?? shown(frame['msg']),
    tickers,
  });
}

function textsOf(value: unknown, result: FrameResult): string[] | null {
  if (isAbsent(value)) return null;
  if (!Array.isArray(value)) {
    result.problem('unknown_value', `market_tickers is ${shown(value)}, not a list; taken as none`);
    return null;
  }
  const texts: string[] = [];
  for (const item of value as readonly unknown[]) {
    const text = textOf(item);
    if (text !== undefined) texts.push(text);
    else result.problem('unknown_value', `market_tickers holds ${shown(item)}, not a ticker; left out`);
  }
  return texts;
}

function subscriptionsOf(list: readonly unknown[], result: FrameResult): { channel: string; sid: number }[] {
  const subscriptions: { channel: string; sid: number }[] = [];
  for (const item of list) {
    const channel = isFields(item) ? textOf(item['channel']) : undefined;
    const sid = isFields(item) ? integerOf(item['sid']) : undefined;
    if (channel !== undefined && sid !== undefined) subscriptions.push({ channel, sid });
    else result.problem('unknown_value', `ok: ${shown(item)} is not a channel and its sid; left out`);
  }
  return subscriptions;
}
