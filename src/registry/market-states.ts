import { type Clock, MICROS_PER_MILLI, type Micros } from '../units/time.ts';
import type { Announcer } from './announcer.ts';
import type { CatalogueMarket } from './catalogue.ts';
import { contentKey } from './content-key.ts';
import { DueHeap } from './due-heap.ts';
import { Mark, MarketTable } from './market-table.ts';
import type { CatalogueNews, VenueCatalogue } from './venue-catalogue.ts';

export interface MarketStatesSettings {
  /** A market that ended is captured for this long after. */
  readonly closeGraceMillis: number;
  /**
   * REST answers may be this old (caches): a status that a message or the clock gave within it is kept against
   * them, and looked up again when it is over.
   */
  readonly restLagMillis: number;
  /** Markets that ended are forgotten after this long. */
  readonly forgetAfterMillis: number;
}

/** A message that a market has ended is believed against REST for ten minutes. */
const FINAL_TRUST = 600_000 * MICROS_PER_MILLI;

/**
 * The markets of one venue and which of them are captured: applies what REST, messages and the clock say, and
 * announces what follows. REST has the last word, except while its answer may be older than a message.
 */
export class MarketStates {
  readonly #venue: VenueCatalogue;
  readonly #accepts: (labels: readonly string[]) => boolean;
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  readonly #grace: number;
  readonly #lag: number;
  readonly #forgetAfter: number;
  readonly #table = new MarketTable();
  readonly #heap = new DueHeap((slot, time) => this.#table.due_at[slot] === time);
  #open = 0;
  #capturedInstruments = 0;

  constructor(
    venue: VenueCatalogue,
    accepts: (labels: readonly string[]) => boolean,
    announcer: Announcer,
    clock: Clock,
    settings: MarketStatesSettings,
  ) {
    this.#venue = venue;
    this.#accepts = accepts;
    this.#announcer = announcer;
    this.#clock = clock;
    this.#grace = settings.closeGraceMillis * MICROS_PER_MILLI;
    this.#lag = settings.restLagMillis * MICROS_PER_MILLI;
    this.#forgetAfter = settings.forgetAfterMillis * MICROS_PER_MILLI;
  }

  counts(): { readonly markets: number; readonly open: number; readonly instruments: number } {
    return { markets: this.#table.size, open: this.#open, instruments: this.#capturedInstruments };
  }

  knows(market: string): boolean {
    return this.#table.slotOf(market) >= 0;
  }

  isOpen(market: string): boolean {
    const slot = this.#table.slotOf(market);
    return slot >= 0 && this.#table.has(slot, Mark.open);
  }

  knowsInstrument(instrument: string): boolean {
    return this.#table.slotOfInstrument(instrument) >= 0;
  }

  /**
   * Takes over what REST says of a market.
   *
   * @returns when to look it up again because something newer contradicts it, or null
   */
  confirm(market: CatalogueMarket): Micros | null {
    const now = this.#clock();
    const table = this.#table;
    const known = table.slotOf(market.market);
    const slot = known < 0 ? table.add(market.market) : known;
    table.confirmed_at[slot] = now;
    table.mark(slot, Mark.provisional | Mark.missed, false);
    this.#describe(slot, market);
    const until = table.trusted_until[slot]!;
    const contradicted = now < until && market.is_open !== table.has(slot, Mark.open);
    if (!contradicted) {
      this.#setOpen(slot, market.is_open, now);
      if (!market.is_open && market.is_final) table.mark(slot, Mark.final, true);
    }
    this.#settle(slot, now);
    return contradicted ? (until as Micros) : null;
  }

  /** Takes over what a message says of a market; one that is not known needs `whole`. */
  hear(news: CatalogueNews): void {
    const now = this.#clock();
    const table = this.#table;
    let slot = table.slotOf(news.market);
    if (slot < 0) {
      if (news.whole === undefined) return;
      slot = table.add(news.market);
      table.mark(slot, Mark.provisional, true);
      this.#describe(slot, news.whole);
      this.#assert(slot, news.whole.is_open || this.#runs(slot, now), now, this.#lag);
    }
    if (news.close_ts !== undefined) table.close_ts[slot] = news.close_ts;
    if (news.is_open !== undefined) {
      // Whatever it says, the market is no longer waiting to open.
      table.open_ts[slot] = Math.min(table.open_ts[slot]!, now);
      this.#assert(slot, news.is_open, now, news.is_final ? Math.max(FINAL_TRUST, this.#lag) : this.#lag);
      if (news.is_final) table.mark(slot, Mark.final, true);
    }
    if (news.close_ts !== undefined && this.#venue.keepsToItsClock && news.close_ts <= now) {
      this.#assert(slot, false, now, this.#lag);
    }
    this.#settle(slot, now);
  }

  /** Opens and closes what is due by the clock. */
  elapse(): void {
    const now = this.#clock();
    for (let slot = this.#heap.popDue(now); slot >= 0; slot = this.#heap.popDue(now)) {
      const table = this.#table;
      const due = table.due_at[slot]!;
      table.due_at[slot] = 0;
      if (this.#venue.keepsToItsClock) {
        const opens = !table.has(slot, Mark.open) && table.open_ts[slot] === due;
        const closes = table.close_ts[slot]! > 0 && table.close_ts[slot]! <= now;
        if (opens || (closes && table.has(slot, Mark.open))) {
          this.#assert(slot, opens && !closes, now, this.#lag);
        }
      }
      this.#settle(slot, now);
    }
  }

  /** When `elapse` has something to do next, or Infinity. */
  nextDue(): number {
    return this.#heap.next();
  }

  /** Markets that ought to be listed but were not, by a whole listing begun at `since`. */
  *unlisted(since: Micros): Generator<string> {
    const table = this.#table;
    for (const slot of table.slots()) {
      const listed = table.confirmed_at[slot]! >= since || table.asserted_at[slot]! >= since;
      if (!listed && (table.has(slot, Mark.open) || this.#waits(slot, since))) yield table.id(slot);
    }
  }

  /** Whether REST has ever shown this market. */
  isConfirmed(market: string): boolean {
    const slot = this.#table.slotOf(market);
    return slot >= 0 && !this.#table.has(slot, Mark.provisional);
  }

  /** The venue does not know it: gone at once where `certain`, else when that happens a second time. */
  absent(market: string, certain: boolean): void {
    const slot = this.#table.slotOf(market);
    if (slot < 0) return;
    const now = this.#clock();
    if (!certain && !this.#table.has(slot, Mark.missed)) {
      this.#table.mark(slot, Mark.missed, true);
      return;
    }
    this.#table.open_ts[slot] = 0;
    this.#setOpen(slot, false, now);
    this.#settle(slot, now);
  }

  /** Forgets markets that ended long ago, so that memory does not grow with the markets that ever were. */
  forget(): void {
    const now = this.#clock();
    const table = this.#table;
    for (const slot of table.slots()) {
      const quiet = Math.max(table.confirmed_at[slot]!, table.asserted_at[slot]!) + this.#forgetAfter < now;
      const ended = !table.has(slot, Mark.open | Mark.captured) && !this.#waits(slot, now);
      if (ended && quiet) table.remove(slot);
    }
  }

  flush(): void {
    this.#announcer.flush();
  }

  #describe(slot: number, market: CatalogueMarket): void {
    const table = this.#table;
    table.open_ts[slot] = market.open_ts ?? 0;
    table.close_ts[slot] = market.close_ts ?? 0;
    table.mark(slot, Mark.excluded, !this.#accepts(this.#venue.labels(market)));
    const instruments = market.instruments.map(({ instrument }) => instrument);
    if (!sameList(instruments, table.instruments(slot))) {
      // Its books are other ones now; those that stay are not announced again.
      this.#capture(slot, false);
      table.setInstruments(slot, instruments);
    }
    const key = contentKey([market.status, market.open_ts, market.close_ts, this.#venue.content(market)]);
    if (table.content[slot] !== key) {
      table.content[slot] = key;
      this.#announcer.changed(market);
    }
  }

  #assert(slot: number, open: boolean, now: number, trust: number): void {
    this.#table.asserted_at[slot] = now;
    this.#table.trusted_until[slot] = now + trust;
    this.#setOpen(slot, open, now);
  }

  #setOpen(slot: number, open: boolean, now: number): void {
    if (this.#table.has(slot, Mark.open) === open) return;
    this.#table.mark(slot, Mark.open, open);
    this.#open += open ? 1 : -1;
    if (!open) this.#table.grace_until[slot] = now + this.#grace;
    else this.#table.mark(slot, Mark.final | Mark.over, false);
  }

  /** Makes capture follow from what is known, and notes when time will change it. */
  #settle(slot: number, now: number): void {
    const table = this.#table;
    const open = table.has(slot, Mark.open);
    const inGrace = table.has(slot, Mark.captured) && now < table.grace_until[slot]!;
    this.#capture(slot, !table.has(slot, Mark.excluded) && (open || inGrace));
    if (table.has(slot, Mark.final)) this.#tellOver(slot, now);
    let due = Number.POSITIVE_INFINITY;
    if (this.#waits(slot, now)) due = table.open_ts[slot]!;
    if (open && this.#venue.keepsToItsClock && table.close_ts[slot]! > now) due = table.close_ts[slot]!;
    if (!open && table.has(slot, Mark.captured)) due = Math.min(due, table.grace_until[slot]!);
    if (due === table.due_at[slot]) return;
    table.due_at[slot] = Number.isFinite(due) ? due : 0;
    if (Number.isFinite(due)) this.#heap.push(due, slot);
  }

  #capture(slot: number, on: boolean): void {
    const table = this.#table;
    if (table.has(slot, Mark.captured) === on) return;
    const instruments = table.instruments(slot);
    table.mark(slot, Mark.captured, on);
    this.#capturedInstruments += on ? instruments.length : -instruments.length;
    this.#announcer.captured(instruments, on);
  }

  /** Once, when it is not captured any more. */
  #tellOver(slot: number, now: number): void {
    const table = this.#table;
    if (table.has(slot, Mark.captured | Mark.over | Mark.excluded)) return;
    table.mark(slot, Mark.over, true);
    this.#announcer.over(table.instruments(slot), this.#closedAt(slot, now) as Micros);
  }

  /** When a market that is over closed; of one that was never open here, by its own times if it keeps to them. */
  #closedAt(slot: number, now: number): number {
    const closed = this.#table.grace_until[slot]! - this.#grace;
    if (closed > 0) return closed;
    const due = this.#venue.keepsToItsClock ? this.#table.close_ts[slot]! : 0;
    return due > 0 ? Math.min(due, now) : now;
  }

  /** Whether the market is open by its own times. */
  #runs(slot: number, now: number): boolean {
    if (!this.#venue.keepsToItsClock) return false;
    const opens = this.#table.open_ts[slot]!;
    const closes = this.#table.close_ts[slot]!;
    return opens > 0 && opens <= now && (closes === 0 || closes > now);
  }

  #waits(slot: number, now: number): boolean {
    return (
      this.#venue.keepsToItsClock && !this.#table.has(slot, Mark.open) && this.#table.open_ts[slot]! > now
    );
  }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
