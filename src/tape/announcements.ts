import type { Gatherer } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/** One announcement without a venue time, as the tape has it or is to have it. */
export interface Announcement {
  /** Its time on the tape; null when it is new. */
  readonly at: Micros | null;
  /** When each line that had it received it. */
  readonly received: ReadonlyMap<Gatherer, Micros>;
  /** No line received it when it came: each had stood still, and may have got it by up to `lateness` earlier. */
  readonly isLate?: boolean;
}

/** An announcement as one line received it. */
export interface AnnouncementCopy {
  readonly line: Gatherer;
  readonly receivedAt: Micros;
  /** The line had stood still: it may have come by up to `lateness` earlier. */
  readonly isLate?: boolean;
}

/** What tells copies of one announcement from two of them, microseconds. */
export interface AnnouncementSpans {
  /** Receive times of one announcement on several lines lie within this of each other. */
  readonly window: number;
  /** By how much a late copy may have come before it was received. */
  readonly lateness: number;
}

/** An announcement with the time that it gets: the least at which a line received it, where that is free. */
export interface PlacedAnnouncement extends Announcement {
  readonly placedAt: Micros;
  /** Those of the given copies that are this announcement's. */
  readonly copies: readonly AnnouncementCopy[];
}

interface Draft {
  readonly at: Micros | null;
  readonly received: Map<Gatherer, Micros>;
  isLate: boolean;
  readonly copies: AnnouncementCopy[];
}

/**
 * Whether the copy may be of that announcement: whether all of their times, of late ones some time of the span in
 * which they may have come, lie within the window.
 */
function mayBeOf({ received, isLate }: Draft, copy: AnnouncementCopy, spans: AnnouncementSpans): boolean {
  const { window, lateness } = spans;
  const least = Math.min(...received.values());
  let latestBegin = copy.receivedAt - (copy.isLate === true ? lateness : 0);
  let earliestEnd: number = copy.receivedAt;
  for (const time of received.values()) {
    // Beside one that was received in time, only a late copy lies further off than the window.
    const begin = isLate || time - least > window ? time - lateness : time;
    latestBegin = Math.max(latestBegin, begin);
    earliestEnd = Math.min(earliestEnd, time);
  }
  return latestBegin - earliestEnd <= window;
}

/** Pairs a line's copies with announcements that the line has no copy of yet, the nearest first. */
function pair(
  drafts: readonly Draft[],
  copies: readonly AnnouncementCopy[],
  spans: AnnouncementSpans,
): Set<AnnouncementCopy> {
  const pairs = copies.flatMap((copy) =>
    drafts.flatMap((draft) => {
      if (!mayBeOf(draft, copy, spans)) return [];
      const distances = [...draft.received.values()].map((time) => distance(time, copy, draft, spans));
      return [{ draft, copy, distance: Math.min(...distances) }];
    }),
  );
  pairs.sort((left, right) => left.distance - right.distance || left.copy.receivedAt - right.copy.receivedAt);
  const placed = new Set<AnnouncementCopy>();
  for (const { draft, copy } of pairs) {
    // What was paired meanwhile may have left less room.
    if (placed.has(copy) || draft.received.has(copy.line) || !mayBeOf(draft, copy, spans)) continue;
    add(draft, copy);
    placed.add(copy);
  }
  return placed;
}

/**
 * How far apart two receive times are, to find the likeliest pair: two that were received in time rather than a late
 * one, and a late one that came before it was read rather than one that others received only then.
 */
function distance(
  time: number,
  { receivedAt, isLate = false }: AnnouncementCopy,
  draft: Draft,
  { window, lateness }: AnnouncementSpans,
): number {
  const apart = Math.abs(time - receivedAt);
  if (!isLate && !draft.isLate) return apart;
  const isReversed = isLate ? receivedAt < time : time < receivedAt;
  return apart + (isReversed ? lateness : window);
}

function add(draft: Draft, copy: AnnouncementCopy): void {
  draft.received.set(copy.line, copy.receivedAt);
  draft.copies.push(copy);
  draft.isLate &&= copy.isLate === true;
}

/**
 * Decides which copies, of one and the same content, are one announcement: those of different lines whose receive
 * times lie within the window of each other, where late copies may have come earlier. Two copies of one line are two
 * announcements, however close.
 *
 * @param known what the tape has around these times.
 * @param copies in any order; one that is known already stays with its announcement.
 */
export function placeAnnouncements(
  known: readonly Announcement[],
  copies: readonly AnnouncementCopy[],
  spans: AnnouncementSpans,
): PlacedAnnouncement[] {
  const drafts: Draft[] = known.map(({ at, received, isLate = false }) => ({
    at,
    received: new Map(received),
    isLate,
    copies: [],
  }));
  const byLine = Map.groupBy(
    [...copies].sort((left, right) => left.receivedAt - right.receivedAt),
    ({ line }) => line,
  );
  const fresh = new Map<Gatherer, AnnouncementCopy[]>();
  for (const [line, own] of byLine) {
    const rest: AnnouncementCopy[] = [];
    for (const copy of own) {
      const draft = drafts.find(({ received }) => received.get(line) === copy.receivedAt);
      if (draft === undefined) rest.push(copy);
      else draft.copies.push(copy);
    }
    fresh.set(line, rest);
  }
  for (const line of [...fresh.keys()].sort()) {
    const rest = fresh.get(line)!;
    const placed = pair(drafts, rest, spans);
    for (const copy of rest) {
      if (placed.has(copy)) continue;
      const draft: Draft = { at: null, received: new Map(), isLate: true, copies: [] };
      add(draft, copy);
      drafts.push(draft);
    }
  }
  return withTimes(drafts);
}

/**
 * Gives each announcement the least time at which a line received it, where no other of the same content has that time,
 * else the next free one. Those that the tape has move first, and again as long as that frees a time for another: what
 * is left has nowhere to move, so that doing all of it again changes nothing.
 */
function withTimes(drafts: readonly Draft[]): PlacedAnnouncement[] {
  const placed = new Map<Draft, Micros>();
  for (const draft of drafts) if (draft.at !== null) placed.set(draft, draft.at);
  const taken = new Set(placed.values());
  const leastOf = ({ received }: Draft): Micros => Math.min(...received.values()) as Micros;
  let hasMoved = true;
  while (hasMoved) {
    hasMoved = false;
    for (const [draft, at] of placed) {
      const least = leastOf(draft);
      if (least >= at || taken.has(least)) continue;
      taken.delete(at);
      taken.add(least);
      placed.set(draft, least);
      hasMoved = true;
    }
  }
  for (const draft of drafts) {
    if (placed.has(draft)) continue;
    let free = leastOf(draft);
    while (taken.has(free)) free = (free + 1) as Micros;
    taken.add(free);
    placed.set(draft, free);
  }
  return drafts.map((draft) => ({ ...draft, placedAt: placed.get(draft)! }));
}
