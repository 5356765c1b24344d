import type { ClientBase } from 'pg';
import { CONNECTION_BEGAN_WITHIN } from '../archive/look-back.ts';
import type { ObjectStore } from '../archive/object-store.ts';
import { linesInOrder, rawSegments } from '../archive/raw-segments.ts';
import { creditedLines, lookedUpBy } from '../audit/raw-events.ts';
import type { Venue } from '../events/event.ts';
import { type LineName, lineBits } from '../storage/production/merge-statements.ts';
import type { Micros } from '../units/time.ts';
import { LineRecords } from './line-records.ts';
import { recordRepair } from './repair-log.ts';
import { type ReplayedEvent, ReplayedLine } from './replayed-line.ts';

export interface ReplayRawOptions {
  readonly venue: Venue;
  readonly line: LineName;
  /** Of the receive time. */
  readonly from: Micros;
  readonly to: Micros;
  /** Finds out what is lacking, and stores nothing. */
  readonly dryRun: boolean;
}

export interface ReplayRawReport {
  readonly segments: number;
  readonly frames: number;
  /** Lines of the recording that cannot be read. */
  readonly unreadable: number;
  /** Events received in the span. */
  readonly events: number;
  /** Of those, how many the tape does not credit the line with. */
  readonly lacking: number;
  /**
   * Events of books that were left out: their connections' subscriptions were not recorded, so that in whose prices
   * they are is not known.
   */
  readonly convention_unknown: number;
  /** By table, how many were new in the line's database. */
  readonly stored: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const BATCH = 2_000;

/**
 * Replays what a line recorded before anything looked at it through the line's own capture core, and stores the events
 * of the span in its database as its writer would have. What is there already stays as it is, and the next merge brings
 * the rest onto the tape. A gap stays a gap.
 *
 * @throws RepairRefused when the line's database refuses them; the store's error when it cannot be read
 */
export async function replayRaw(
  tape: ClientBase,
  database: ClientBase,
  store: ObjectStore,
  { venue, line, from, to, dryRun }: ReplayRawOptions,
): Promise<ReplayRawReport> {
  // What a connection asked for, and where its numbers were, was recorded before.
  const begin = Math.max(0, from - CONNECTION_BEGAN_WITHIN) as Micros;
  const segments = await rawSegments(store, venue, line, { from: begin, to });
  const records = new LineRecords(database);
  const counts = { frames: 0, unreadable: 0, events: 0, lacking: 0, convention_unknown: 0 };
  const waiting = new Map<string, ReplayedEvent[]>();
  const look = async (events: readonly ReplayedEvent[]): Promise<void> => {
    counts.lacking += await lackingOf(tape, line, events);
  };
  let replayed: ReplayedLine | null = null;
  for await (const { recorded, fault } of linesInOrder(segments)) {
    if (fault !== undefined) counts.unreadable++;
    if (recorded === null) continue;
    if (recorded.t >= to) break;
    replayed ??= new ReplayedLine(venue, line, recorded.t);
    const isWanted = recorded.t >= from;
    if (isWanted && recorded.sent === undefined) counts.frames++;
    const unknownBefore = replayed.conventionUnknown;
    const events = replayed.feed(recorded);
    if (isWanted) counts.convention_unknown += replayed.conventionUnknown - unknownBefore;
    for (const event of events) {
      if (!isWanted) continue;
      counts.events++;
      const list = waiting.get(event.kind) ?? [];
      waiting.set(event.kind, list);
      list.push(event);
      if (list.length >= BATCH) await look(list.splice(0));
      if (!dryRun) await records.add(event);
    }
  }
  for (const list of waiting.values()) await look(list);
  await records.flush();
  const changes = records.stored;
  await recordRepair(tape, { kind: 'raw', venue, line, from, to, changes });
  return { segments: segments.length, ...counts, stored: changes };
}

/** @param events all of one kind */
async function lackingOf(
  tape: ClientBase,
  line: LineName,
  events: readonly ReplayedEvent[],
): Promise<number> {
  const asked = events.flatMap((event) => {
    const by = lookedUpBy(event, event.kind === 'book_delta' ? event.occurrence : 0);
    return by === null ? [] : [by];
  });
  if (asked.length === 0) return 0;
  const credited = await creditedLines(
    tape,
    asked[0]!.kind,
    asked.map(({ values }) => values),
  );
  return credited.filter((lines) => lines === null || (lines & lineBits[line]) === 0).length;
}
