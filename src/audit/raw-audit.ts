import type { ClientBase } from 'pg';
import { CONNECTION_BEGAN_WITHIN } from '../archive/look-back.ts';
import type { ObjectStore } from '../archive/object-store.ts';
import { linesInOrder, rawSegments } from '../archive/raw-segments.ts';
import type { LineAccounts } from '../coverage/line-accounts.ts';
import { isOfBook, type MarketEvent, type Venue } from '../events/event.ts';
import { type LineName, lineBits, lineNames } from '../storage/production/merge-statements.ts';
import { endOf, type Interval } from '../tape/intervals.ts';
import { MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import { venueDefinition } from '../venues/registration.ts';
import type { FindingLog } from './finding.ts';
import { creditedLines, lookedUpBy } from './raw-events.ts';
import { RepeatedChanges } from './repeated-changes.ts';

/** What the raw recordings say. */
export interface RawFigures {
  segments: number;
  frames: number;
  /** Lines of a recording that cannot be read: cut off, or damaged. */
  unreadable: number;
  /** Events of the span, by whether the tape has them. */
  events: number;
  on_tape: number;
  /** The tape has it, but not from the line that received it: the line says in a gap that it may lack it. */
  not_stored_in_gap: number;
  /** Not on the tape, which says in a gap that it may lack it. */
  lost_in_gap: number;
  /** Of connections whose subscription was not recorded: in whose prices their books are is not known. */
  convention_unknown: number;
}

/** An event of a raw frame, and how many equal ones of its instant came before it. */
interface RawEvent {
  readonly event: MarketEvent;
  readonly occurrence: number;
}

/** Events looked up at once. */
const BATCH = 2_000;

/**
 * Decodes what a line recorded before anything looked at it, and holds every event against the tape: one that is
 * neither there nor in a gap is lost, whatever the line's database says.
 */
export class RawAudit {
  readonly #client: ClientBase;
  readonly #accounts: LineAccounts;
  readonly #store: ObjectStore;
  readonly #findings: FindingLog;
  readonly figures: Readonly<Record<LineName, RawFigures>>;

  /** @param client in a transaction of the caller, so that all is of one moment. */
  constructor(client: ClientBase, accounts: LineAccounts, store: ObjectStore, findings: FindingLog) {
    this.#client = client;
    this.#accounts = accounts;
    this.#store = store;
    this.#findings = findings;
    this.figures = Object.fromEntries(
      lineNames.map((line) => [
        line,
        {
          segments: 0,
          frames: 0,
          unreadable: 0,
          events: 0,
          on_tape: 0,
          not_stored_in_gap: 0,
          lost_in_gap: 0,
          convention_unknown: 0,
        },
      ]),
    ) as Record<LineName, RawFigures>;
  }

  /** @throws the store's error, or that of the tape's database */
  async run(venue: Venue, span: { readonly from: Micros; readonly to: Micros }): Promise<void> {
    for (const line of lineNames) await this.#line(venue, line, span);
  }

  async #line(venue: Venue, line: LineName, { from, to }: { from: Micros; to: Micros }): Promise<void> {
    const figures = this.figures[line];
    const { hasConventions, sentConvention, decoder: makeDecoder } = venueDefinition(venue);
    const decoder = makeDecoder();
    const segments = await rawSegments(this.#store, venue, line, {
      // What a connection asked for was recorded when it began.
      from: Math.max(0, from - CONNECTION_BEGAN_WITHIN) as Micros,
      // Received later than they happened.
      to: (to + MICROS_PER_MINUTE) as Micros,
    });
    figures.segments += segments.length;
    const conventions = new Map<string, boolean>();
    const waiting = new Map<string, RawEvent[]>();
    const repeated = new RepeatedChanges();
    for await (const { frame, recorded, fault } of linesInOrder(segments)) {
      if (fault !== undefined) figures.unreadable++;
      if (recorded === null) continue;
      const { t, conn } = recorded;
      if (recorded.sent !== undefined) {
        const convention = sentConvention(recorded.sent);
        if (convention !== null) conventions.set(conn, convention);
      }
      if (frame === null || t < from) continue;
      figures.frames++;
      const useYesPrice = conventions.get(conn);
      const decoded = decoder.decode(frame, { received_at: t, useYesPrice: useYesPrice ?? false });
      const occurrences = repeated.occurrences(conn, decoded);
      for (const [index, event] of decoded.events.entries()) {
        const time = event.exchange_ts ?? event.received_at;
        if (time < from || time >= to) continue;
        if (hasConventions && useYesPrice === undefined && isOfBook(event)) {
          figures.convention_unknown++;
          continue;
        }
        const list = waiting.get(event.kind) ?? [];
        waiting.set(event.kind, list);
        list.push({ event, occurrence: occurrences[index]! });
        if (list.length >= BATCH) await this.#look(venue, line, list.splice(0));
      }
    }
    for (const list of waiting.values()) await this.#look(venue, line, list);
  }

  /** @param events all of one kind */
  async #look(venue: Venue, line: LineName, events: readonly RawEvent[]): Promise<void> {
    const figures = this.figures[line];
    const asked = events.flatMap(({ event, occurrence }) => {
      const by = lookedUpBy(event, occurrence);
      return by === null ? [] : [{ event, ...by }];
    });
    const first = asked[0];
    if (first === undefined) return;
    const credited = await creditedLines(
      this.#client,
      first.kind,
      asked.map(({ values }) => values),
    );
    for (const [index, { event }] of asked.entries()) {
      figures.events++;
      const lines = credited[index]!;
      if (lines !== null && (lines & lineBits[line]) !== 0) figures.on_tape++;
      else await this.#judge(venue, line, event, lines);
    }
  }

  /** What to think of an event that the line received and is not credited with. */
  async #judge(venue: Venue, line: LineName, event: MarketEvent, lines: number | null): Promise<void> {
    const figures = this.figures[line];
    const time = event.exchange_ts ?? event.received_at;
    const subject = event.kind === 'lifecycle' ? (event.market ?? event.event ?? '') : event.instrument;
    const doubts = await this.#accounts.doubts(venue, subject);
    if (lines !== null) {
      figures.on_tape++;
      if (isWithin(doubts.lines.get(line)!, time)) {
        figures.not_stored_in_gap++;
        return;
      }
    } else if (isWithin(doubts.tape, time)) {
      figures.lost_in_gap++;
      return;
    }
    this.#findings.add({
      kind: lines === null ? 'raw_lost' : 'raw_not_stored',
      table: `raw frames of line ${line}`,
      venue,
      subject,
      time,
      detail:
        `${event.kind} received at ${event.received_at}${lines === null ? ', not on the tape' : `, which the tape has from other lines and not from ${line}`}: ${JSON.stringify(event)}`.slice(
          0,
          600,
        ),
    });
  }
}

function isWithin(intervals: readonly Interval[], time: number): boolean {
  return intervals.some((item) => item.from <= time && endOf(item) > time);
}
