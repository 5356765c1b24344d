import type { ClientBase } from 'pg';
import { type Venue, venueNames } from '../../events/event.ts';
import type { Micros } from '../../units/time.ts';
import { venueDefinition } from '../../venues/registration.ts';
import type { Outcome } from '../../venues/settlement.ts';
import { rowsOf } from './row-cursor.ts';
import { addAnnouncementConditions, Conditions } from './tape-filter.ts';

/** What a venue announced about a market or an event. */
export interface TapeAnnouncement {
  readonly venue: string;
  /** The market, or the event where `is_event`. */
  readonly subject: string;
  readonly is_event: boolean;
  readonly instruments: readonly string[];
  readonly type: string;
  readonly status: string | null;
  /** As received. */
  readonly details: Readonly<Record<string, unknown>>;
  /** The venue's time, or the receive time where it gives none. */
  readonly at: Micros;
  readonly exchange_ts: Micros | null;
  readonly received_at: Micros;
  readonly quality: number;
  /** Bits: a 1, b 2, c 4. */
  readonly lines: number;
  readonly content_key: number;
}

export interface LifecycleFilter {
  readonly venue?: string;
  /** Announcements about this market. */
  readonly market?: string;
  /** Announcements that concern this instrument. */
  readonly instrument?: string;
  /** About this event, or about a market of it. */
  readonly event?: string;
  readonly type?: string;
  readonly from?: Micros;
  readonly to?: Micros;
  readonly limit?: number;
  /** Only rows behind this one: `at`, venue, subject, type, content key. */
  readonly after?: readonly unknown[];
}

/** An announcement of what a market pays. */
export interface Settlement extends Outcome {
  readonly at: Micros;
  readonly venue: string;
  readonly market: string;
  readonly type: string;
  readonly lines: number;
  readonly content_key: number;
}

function conditionsOf(filter: LifecycleFilter): Conditions {
  const conditions = new Conditions();
  conditions.add('venue = ?', filter.venue);
  conditions.add('(subject = ? AND NOT is_event)', filter.market);
  conditions.add('? = ANY (instruments)', filter.instrument);
  addAnnouncementConditions(conditions, filter);
  conditions.add('type = ?', filter.type);
  conditions.add('at >= ?', filter.from);
  conditions.add('at < ?', filter.to);
  conditions.addAfter(['at', 'venue', 'subject', 'type', 'content_key'], filter.after);
  return conditions;
}

async function* announcements(
  client: ClientBase,
  conditions: Conditions,
  limit: number | undefined,
): AsyncGenerator<TapeAnnouncement> {
  const statement = `SELECT venue, subject, is_event, instruments, type, status, details, at, exchange_ts, received_at,
      quality, lines, content_key
    FROM market_lifecycle ${conditions.where}
    ORDER BY market_lifecycle.at, venue, subject, type, content_key ${conditions.limit(limit)}`;
  for await (const row of rowsOf<Record<string, unknown>>(client, statement, conditions.values)) {
    const exchangeTs = row['exchange_ts'];
    yield {
      ...(row as unknown as TapeAnnouncement),
      at: Number(row['at']) as Micros,
      exchange_ts: exchangeTs === null ? null : (Number(exchangeTs) as Micros),
      received_at: Number(row['received_at']) as Micros,
    };
  }
}

/** Announcements in the order of time. */
export async function* lifecycleOf(
  client: ClientBase,
  filter: LifecycleFilter,
): AsyncGenerator<TapeAnnouncement> {
  yield* announcements(client, conditionsOf(filter), filter.limit);
}

/** What the venues announced of outcomes, in the order of time; a decision that was amended is there twice. */
export async function* settlementsOf(
  client: ClientBase,
  filter: Omit<LifecycleFilter, 'type'>,
): AsyncGenerator<Settlement> {
  const conditions = conditionsOf(filter);
  const types = venueNames.flatMap((venue) =>
    venueDefinition(venue).settlement.types.map((type) => `${venue} ${type}`),
  );
  conditions.add(`NOT is_event AND venue || ' ' || type = ANY (?)`, types);
  for await (const row of announcements(client, conditions, filter.limit)) {
    const { venue, subject, type, at, lines, content_key, details } = row;
    const outcome = venueDefinition(venue as Venue).settlement.outcomeOf(subject, details);
    yield { at, venue, market: subject, type, ...outcome, lines, content_key };
  }
}
