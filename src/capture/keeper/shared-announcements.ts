import type { LifecycleEvent } from '../../events/event.ts';
import type { Carriers } from './carriers.ts';
import type { Delays } from './delays.ts';
import type { Source } from './instrument-state.ts';

const SECOND = 1_000_000;
/** A copy that is under way for longer than this counts as lost, microseconds. */
const COPIES_WITHIN = 10 * SECOND;
/** Subscriptions do not bring the same message at the same instant: what one lacks it may lack since this much earlier. */
const SKEW = SECOND;
/** So many copies must have come before the venue is taken to send them to everybody, and so many for each that did not. */
const EVIDENCE = 20;
const FOR_EACH_LACKING = 10;

const NONE: readonly Lacking[] = [];

/** Something that one subscription has brought, and others have yet to. */
interface Awaited {
  readonly at: number;
  /** By subscription, venue time up to which it could be shown to have brought everything. */
  readonly lacking: Map<Source, number>;
}

/** A subscription that did not bring what others have brought. */
export interface Lacking {
  readonly source: Source;
  /** Venue time since which it may lack other messages, too. */
  readonly since: number;
}

/**
 * What a venue announces to every connection is a witness where nothing numbers the messages: a subscription that does
 * not bring one of them has lost it, and may have lost anything about that time, however little it has to bring.
 */
export class SharedAnnouncements {
  private readonly carriers: Carriers;
  private readonly delays: Delays;
  private readonly awaited = new Map<string, Awaited>();
  /** When the next of them is due; there is nothing to look for before. */
  private dueAt = Number.POSITIVE_INFINITY;
  private copies = 0;
  private losses = 0;

  constructor(carriers: Carriers, delays: Delays) {
    this.carriers = carriers;
    this.delays = delays;
  }

  /** A subscription has brought an announcement. @param isNew whether none has before it. */
  heard(source: Source, event: LifecycleEvent, isNew: boolean): void {
    const key = `${event.type} ${event.market ?? ''} ${event.exchange_ts ?? ''}`;
    const before = this.awaited.get(key);
    if (before?.lacking.delete(source) === true) this.copies++;
    // What was heard of long ago, and is said again, proves nothing of the others.
    if (before !== undefined || !isNew) return;
    const { received_at, exchange_ts } = event;
    const made = exchange_ts ?? this.delays.venueTime(source, received_at);
    const lacking = new Map<Source, number>();
    for (const other of this.carriers.all()) {
      if (other === source || !other.isAnnouncing) continue;
      lacking.set(other, Math.min(made, this.delays.provenUntil(other)) - SKEW);
    }
    if (lacking.size === 0) return;
    this.awaited.set(key, { at: received_at, lacking });
    this.dueAt = Math.min(this.dueAt, received_at + COPIES_WITHIN);
  }

  /** Those that still lack what others brought some time ago; each is told of once until it announces something again. */
  takeLacking(now: number): readonly Lacking[] {
    if (now < this.dueAt) return NONE;
    this.dueAt = Number.POSITIVE_INFINITY;
    const found = new Map<Source, number>();
    for (const [key, { at, lacking }] of this.awaited) {
      if (now < at + COPIES_WITHIN) {
        this.dueAt = at + COPIES_WITHIN;
        break;
      }
      this.awaited.delete(key);
      for (const [source, since] of lacking) {
        if (!source.isAnnouncing || !this.carriers.has(source)) continue;
        found.set(source, Math.min(since, found.get(source) ?? since));
      }
    }
    if (found.size === 0) return NONE;
    this.losses += found.size;
    if (this.copies < EVIDENCE || this.copies < this.losses * FOR_EACH_LACKING) return NONE;
    for (const source of found.keys()) source.isAnnouncing = false;
    return [...found].map(([source, since]) => ({ source, since }));
  }
}
