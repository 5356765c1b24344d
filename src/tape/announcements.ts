import type { Gatherer } from '../events/event.ts';
import type { Micros } from '../units/time.ts';

/** One announcement without a venue time, as the tape has it or is to have it. */
export interface Announcement {
  /** Its time on the tape; null when it is new. */
  readonly at: Micros | null;
  /** When each line that had it received it. */
  readonly received: ReadonlyMap<Gatherer, Micros>;
}

/** An announcement as one line received it. */
export interface AnnouncementCopy {
  readonly line: Gatherer;
  readonly receivedAt: Micros;
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
  readonly copies: AnnouncementCopy[];
}

function spread(times: readonly number[]): number {
  return Math.max(...times) - Math.min(...times);
}

/** Pairs a line's copies with announcements that the line has no copy of yet, the nearest first. */
function pair(
  drafts: readonly Draft[],
  copies: readonly AnnouncementCopy[],
  window: number,
): Set<AnnouncementCopy> {
  const pairs = copies.flatMap((copy) =>
    drafts.flatMap((draft) => {
      const times = [...draft.received.values()];
      if (spread([...times, copy.receivedAt]) > window) return [];
      return [{ draft, copy, distance: Math.min(...times.map((time) => Math.abs(time - copy.receivedAt))) }];
    }),
  );
  pairs.sort((left, right) => left.distance - right.distance || left.copy.receivedAt - right.copy.receivedAt);
  const placed = new Set<AnnouncementCopy>();
  for (const { draft, copy } of pairs) {
    if (placed.has(copy) || draft.received.has(copy.line)) continue;
    draft.received.set(copy.line, copy.receivedAt);
    draft.copies.push(copy);
    placed.add(copy);
  }
  return placed;
}

/**
 * Decides which copies, of one and the same content, are one announcement: those of different lines whose receive
 * times lie within `window` of each other. Two copies of one line are two announcements, however close.
 *
 * @param known what the tape has around these times.
 * @param copies in any order; one that is known already stays with its announcement.
 * @param window in microseconds.
 */
export function placeAnnouncements(
  known: readonly Announcement[],
  copies: readonly AnnouncementCopy[],
  window: number,
): PlacedAnnouncement[] {
  const drafts: Draft[] = known.map(({ at, received }) => ({ at, received: new Map(received), copies: [] }));
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
    const placed = pair(drafts, rest, window);
    for (const copy of rest) {
      if (placed.has(copy)) continue;
      drafts.push({ at: null, received: new Map([[line, copy.receivedAt]]), copies: [copy] });
    }
  }
  const taken = new Set(drafts.flatMap(({ at }) => (at === null ? [] : [at])));
  return drafts.map((draft) => ({ ...draft, placedAt: freeTime(draft, taken) }));
}

/** The least time of the announcement that no other one of the same content has; entered as taken. */
function freeTime({ at, received }: Draft, taken: Set<Micros>): Micros {
  const least = Math.min(...received.values(), at ?? Number.POSITIVE_INFINITY) as Micros;
  if (least === at || !taken.has(least)) {
    taken.add(least);
    return least;
  }
  if (at !== null) return at;
  let free = least;
  while (taken.has(free)) free = (free + 1) as Micros;
  taken.add(free);
  return free;
}
