type Fields = Readonly<Record<string, unknown>>;

/** One message of a recorded frame, with what decides who gets it. */
export type RecordedMessage =
  | {
      readonly venue: 'kalshi';
      readonly type: string;
      /** The market it is about, or null. */
      readonly instrument: string | null;
      /** Subscription of the recorded connection; 0 where the message has none. */
      readonly sid: number;
      readonly body: Fields;
    }
  | {
      readonly venue: 'polymarket';
      readonly type: string;
      /** Tokens it is about; none for announcements. */
      readonly instruments: readonly string[];
      readonly market: string | null;
      readonly body: Fields;
    };

/** Messages that make or change a book. */
export const BOOK_TYPES: ReadonlySet<string> = new Set([
  'orderbook_snapshot',
  'orderbook_delta',
  'book',
  'price_change',
]);
/** Replies to commands: they belong to the recorded connection and are not replayed. */
const KALSHI_REPLIES: ReadonlySet<string> = new Set(['subscribed', 'unsubscribed', 'ok', 'error']);

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/**
 * The messages of a recorded frame that can be replayed; the frame's form tells the venue.
 *
 * @returns an empty list for replies and heartbeats, null for what cannot be read or is of no known kind
 */
export function recordedMessages(frame: string): RecordedMessage[] | null {
  if (frame === '' || frame === 'PONG') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame);
  } catch {
    return null;
  }
  if (Array.isArray(parsed)) {
    const messages = parsed.map(polymarketMessage).filter((message) => message !== null);
    return messages.length === 0 && parsed.length > 0 ? null : messages;
  }
  if (!isFields(parsed)) return null;
  const { type } = parsed;
  if (typeof type === 'string' && KALSHI_REPLIES.has(type)) return [];
  const message =
    typeof type === 'string' && 'msg' in parsed ? kalshiMessage(type, parsed) : polymarketMessage(parsed);
  return message === null ? null : [message];
}

function kalshiMessage(type: string, frame: Fields): RecordedMessage | null {
  const { msg, sid } = frame;
  if (!isFields(msg)) return null;
  return {
    venue: 'kalshi',
    type,
    instrument: text(msg['market_ticker']),
    sid: typeof sid === 'number' ? sid : 0,
    body: msg,
  };
}

/** Which kind a message is; some older captures do not say so themselves. */
function polymarketType(message: Fields): string | null {
  const named = text(message['event_type']);
  if (named !== null) return named;
  if (Array.isArray(message['price_changes']) || Array.isArray(message['changes'])) return 'price_change';
  return Array.isArray(message['bids']) || Array.isArray(message['buys']) ? 'book' : null;
}

function polymarketMessage(message: unknown): RecordedMessage | null {
  if (!isFields(message)) return null;
  const type = polymarketType(message);
  if (type === null) return null;
  const market = text(message['market']);
  const changes = message['price_changes'];
  const tokens = Array.isArray(changes)
    ? changes.map((entry) => (isFields(entry) ? text(entry['asset_id']) : null))
    : [text(message['asset_id'])];
  const instruments = [...new Set(tokens.filter((token) => token !== null))];
  return { venue: 'polymarket', type, instruments, market, body: message };
}

/** The message as a frame of its own, without the numbers of the connection that it was recorded on. */
export function recordedFrame(message: RecordedMessage): string {
  return JSON.stringify(
    message.venue === 'kalshi' ? { type: message.type, sid: 1, seq: 1, msg: message.body } : message.body,
  );
}
