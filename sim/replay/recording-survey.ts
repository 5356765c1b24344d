import type { Venue } from '#src/events/event.ts';
import { BOOK_TYPES, type RecordedMessage } from '#src/replay/recorded-message.ts';
import { recordingFiles } from '#src/replay/recording-files.ts';
import { type TimedMessage, timedMessages } from '#src/replay/timed-messages.ts';
import type { Micros } from '#src/units/time.ts';

/** A recording that holds nothing to replay. */
export class EmptyRecordingError extends Error {
  override readonly name = 'EmptyRecordingError';
}

/** What a recording is about: known before it is played, so that it can be listed and subscribed. */
export interface RecordingSurvey {
  readonly files: readonly string[];
  readonly venues: ReadonlySet<Venue>;
  readonly messages: number;
  readonly skipped: number;
  readonly from: Micros;
  readonly to: Micros;
  /** Message types by venue. */
  readonly types: ReadonlySet<string>;
  /** Kalshi tickers and Polymarket tokens that have a book, in order of appearance. */
  readonly tickers: ReadonlySet<string>;
  readonly tokens: ReadonlyMap<string, { readonly market: string }>;
  /** Instruments whose first message about their book is the whole book. */
  readonly openings: ReadonlyMap<string, TimedMessage>;
}

/** Messages about a market that may not have begun, or is over: they alone do not make it one to subscribe. */
const ANNOUNCEMENTS: ReadonlySet<string> = new Set(['market_lifecycle_v2', 'multivariate_market_lifecycle']);

function instrumentsOf(message: RecordedMessage): readonly string[] {
  if (message.venue === 'polymarket') return message.instruments;
  return message.instrument === null || ANNOUNCEMENTS.has(message.type) ? [] : [message.instrument];
}

/** Reads the recordings once. @throws EmptyRecordingError, or what the reader throws */
export async function surveyRecordings(paths: readonly string[]): Promise<RecordingSurvey> {
  const files = recordingFiles(paths);
  const venues = new Set<Venue>();
  const types = new Set<string>();
  const tickers = new Set<string>();
  const tokens = new Map<string, { market: string }>();
  const openings = new Map<string, TimedMessage>();
  const begun = new Set<string>();
  let messages = 0;
  let skipped = 0;
  let from: Micros | null = null;
  let to = 0 as Micros;
  for await (const timed of timedMessages(files, () => skipped++)) {
    const { message } = timed;
    messages++;
    from = Math.min(from ?? timed.at, timed.at) as Micros;
    to = Math.max(to, timed.at) as Micros;
    venues.add(message.venue);
    types.add(`${message.venue} ${message.type}`);
    const isBook = BOOK_TYPES.has(message.type);
    for (const instrument of instrumentsOf(message)) {
      if (message.venue === 'kalshi') tickers.add(instrument);
      else if (!tokens.has(instrument)) tokens.set(instrument, { market: message.market ?? instrument });
      if (!isBook || begun.has(instrument)) continue;
      begun.add(instrument);
      if (message.type === 'orderbook_snapshot' || message.type === 'book') openings.set(instrument, timed);
    }
  }
  if (from === null)
    throw new EmptyRecordingError(`${paths.join(', ')}: no message of either venue to replay`);
  return { files, venues, messages, skipped, from, to, types, tickers, tokens, openings };
}
