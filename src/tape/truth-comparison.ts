import type { Level } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { RebuiltBook } from './book-rebuild.ts';
import { type Interval, touchesSpan } from './intervals.ts';
import type { ComparedEvent } from './truth-identity.ts';

/** What the truth log says of one event beside the event itself. */
export interface MadeEvent extends ComparedEvent {
  /** To how many sockets it was sent; 0: nobody could have captured it. */
  readonly delivered: number;
  /**
   * When it was sent, where that may be long after its venue time: a first book has the time of its last change. A line
   * may end before it has read what was sent to it, and can say so of the time in which it was sent only.
   */
  readonly sentAt?: Micros;
}

/** Kinds of which the tape holds equal ones at one instant once: figures and books, not changes. */
const heldOnce: ReadonlySet<string> = new Set(['book_snapshot', 'ticker']);

export type Verdict = 'missing' | 'extra' | 'undeclared';

export interface ComparisonExample {
  readonly verdict: Verdict;
  readonly venue: string;
  readonly subject: string;
  readonly identity: string;
  readonly time: Micros | null;
  readonly count: number;
}

export interface EventComparison {
  /** Events that were sent to somebody. */
  readonly events: number;
  readonly on_tape: number;
  /** Sent to somebody, not on the tape, and in no gap of the tape. */
  readonly missing: number;
  /** On the tape, never made, or more often than it was made. */
  readonly extra: number;
  /** Not on the tape, which says so itself: a gap of the tape covers them. */
  readonly in_gaps: number;
  /** Not on the tape and later than the tape reaches. */
  readonly after_horizon: number;
  /** Made, but sent to nobody. */
  readonly unsent: number;
  /**
   * Those of the unsent that the tape lacks without saying so: they are wanted, lie after the first proof and
   * within the tape's reach, and in none of its gaps.
   */
  readonly undeclared: number;
  readonly examples: readonly ComparisonExample[];
}

export interface ComparisonRules {
  /** The tape's gaps that concern an instrument, those of its whole venue included. */
  readonly gapsOf: (venue: string, instrument: string) => Iterable<Interval>;
  /** Up to which venue time the tape claims to be settled. */
  readonly horizon: Micros;
  /**
   * When the first line proved anything: of what was sent to nobody before, the tape need not speak, because an
   * instrument that no line had heard of yet has no gap of its own. Absent: it must speak of everything.
   */
  readonly provenSince?: Micros;
  /** Whether the tape is to hold such an event at all, or has to say that it does not. Absent: every one. */
  readonly isWanted?: (event: ComparedEvent) => boolean;
  /** Of each verdict. */
  readonly maxExamples?: number;
}

/** Of each verdict, where the rules say nothing else. */
const EXAMPLES = 20;

/** What a comparison of nothing with nothing finds. */
export const noEvents: EventComparison = {
  events: 0,
  on_tape: 0,
  missing: 0,
  extra: 0,
  in_gaps: 0,
  after_horizon: 0,
  unsent: 0,
  undeclared: 0,
  examples: [],
};

/** Two comparisons of different events as one. */
export function sumOf(
  left: EventComparison,
  right: EventComparison,
  { maxExamples = EXAMPLES }: Pick<ComparisonRules, 'maxExamples'>,
): EventComparison {
  const taken: Record<Verdict, number> = { missing: 0, extra: 0, undeclared: 0 };
  return {
    events: left.events + right.events,
    on_tape: left.on_tape + right.on_tape,
    missing: left.missing + right.missing,
    extra: left.extra + right.extra,
    in_gaps: left.in_gaps + right.in_gaps,
    after_horizon: left.after_horizon + right.after_horizon,
    unsent: left.unsent + right.unsent,
    undeclared: left.undeclared + right.undeclared,
    examples: [...left.examples, ...right.examples].filter(({ verdict }) => taken[verdict]++ < maxExamples),
  };
}

interface Tally {
  readonly event: ComparedEvent;
  made: number;
  sent: number;
  onTape: number;
  /** The latest venue time or time of sending. */
  reachedAt: Micros | null;
  /** Times of those that were sent to nobody: announcements of equal content may lie hours apart. */
  unsentAt: (Micros | null)[] | null;
}

/**
 * Holds the tape against what the venues really sent, as multisets of identities: an event made twice must be
 * there twice, except for what is held once. Feed all of the truth and all of the tape in any order, then ask once.
 */
export class TruthComparison {
  readonly #rules: ComparisonRules;
  readonly #tallies = new Map<string, Tally>();

  constructor(rules: ComparisonRules) {
    this.#rules = rules;
  }

  truth(event: MadeEvent): void {
    const tally = this.#tally(event);
    const most = heldOnce.has(event.kind) ? 1 : Number.POSITIVE_INFINITY;
    tally.made = Math.min(most, tally.made + 1);
    if (event.delivered > 0) tally.sent = Math.min(most, tally.sent + 1);
    else if (tally.unsentAt === null) tally.unsentAt = [event.time];
    else tally.unsentAt.push(event.time);
    const reachedAt = event.sentAt ?? event.time;
    if (reachedAt !== null && (tally.reachedAt === null || reachedAt > tally.reachedAt))
      tally.reachedAt = reachedAt;
  }

  tape(event: ComparedEvent): void {
    this.#tally(event).onTape++;
  }

  finish(): EventComparison {
    const limit = this.#rules.maxExamples ?? EXAMPLES;
    const examples: ComparisonExample[] = [];
    const noted: Record<Verdict, number> = { missing: 0, extra: 0, undeclared: 0 };
    const note = (verdict: Verdict, { event }: Tally, count: number): void => {
      const { venue, subject, identity, time } = event;
      if (noted[verdict]++ < limit) examples.push({ verdict, venue, subject, identity, time, count });
    };
    const sums = {
      events: 0,
      on_tape: 0,
      missing: 0,
      extra: 0,
      in_gaps: 0,
      after_horizon: 0,
      unsent: 0,
      undeclared: 0,
    };
    for (const tally of this.#tallies.values()) {
      const { made, sent, onTape, event, reachedAt } = tally;
      sums.events += sent;
      sums.unsent += made - sent;
      sums.on_tape += Math.min(onTape, sent);
      const surplus = onTape - made;
      if (surplus > 0) {
        sums.extra += surplus;
        note('extra', tally, surplus);
      }
      if (onTape >= made) continue;
      const lost = Math.max(0, sent - onTape);
      const unseen = made - Math.max(sent, onTape);
      if (reachedAt !== null && reachedAt > this.#rules.horizon) {
        sums.after_horizon += lost;
        continue;
      }
      if (this.#inGap(event, event.time) || this.#inGap(event, reachedAt)) {
        sums.in_gaps += lost;
      } else if (lost > 0) {
        sums.missing += lost;
        note('missing', tally, lost);
      }
      const unsaid = unseen === 0 ? 0 : Math.min(unseen, this.#unsaid(tally));
      if (unsaid > 0) {
        sums.undeclared += unsaid;
        note('undeclared', tally, unsaid);
      }
    }
    return { ...sums, examples };
  }

  /** Of those that were sent to nobody, how many lie where the tape ought to speak of them and has no gap. */
  #unsaid({ event, unsentAt }: Tally): number {
    if (this.#rules.isWanted?.(event) === false) return 0;
    return (unsentAt ?? []).filter((time) => !this.#beforeFirstProof(time) && !this.#inGap(event, time))
      .length;
  }

  #tally(event: ComparedEvent): Tally {
    let tally = this.#tallies.get(event.identity);
    if (tally === undefined) {
      tally = { event, made: 0, sent: 0, onTape: 0, reachedAt: event.time, unsentAt: null };
      this.#tallies.set(event.identity, tally);
    }
    return tally;
  }

  #beforeFirstProof(time: Micros | null): boolean {
    return time !== null && time < (this.#rules.provenSince ?? 0);
  }

  /** Gaps name instruments: a message about a market is in one when all instruments of the market are. */
  #inGap({ venue, subject, instruments }: ComparedEvent, time: Micros | null): boolean {
    if (time === null) return false;
    const concerned = instruments === undefined || instruments.length === 0 ? [subject] : instruments;
    return concerned.every((instrument) =>
      touchesSpan(this.#rules.gapsOf(venue, instrument), (time - 1) as Micros, time),
    );
  }
}

/** One instant at which a rebuilt book is held against the venue's own. */
export interface BookSample {
  readonly venue: string;
  readonly instrument: string;
  readonly at: Micros;
}

export interface BookComparison {
  /** Books that the tape called complete. */
  readonly books_compared: number;
  readonly books_wrong: number;
  /** Books of which the tape itself says that it cannot vouch for them. */
  readonly books_incomplete: number;
  readonly examples: readonly (BookSample & { readonly tape: SimpleBook; readonly truth: SimpleBook })[];
}

export interface SimpleBook {
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

function sameLevels(left: readonly Level[], right: readonly Level[]): boolean {
  return (
    left.length === right.length &&
    left.every(([price, size], index) => right[index]![0] === price && right[index]![1] === size)
  );
}

export function sameBook(left: SimpleBook, right: SimpleBook): boolean {
  return sameLevels(left.bids, right.bids) && sameLevels(left.asks, right.asks);
}

/**
 * Rebuilds each sampled book from the tape and compares it, wherever the tape calls it complete.
 *
 * @param truthBook the venue's own book, best first; null where the truth knows nothing of it then (skipped).
 */
export async function compareBooks(
  samples: Iterable<BookSample>,
  tapeBook: (sample: BookSample) => Promise<RebuiltBook>,
  truthBook: (sample: BookSample) => SimpleBook | null,
  maxExamples = 5,
): Promise<BookComparison> {
  const sums = { books_compared: 0, books_wrong: 0, books_incomplete: 0 };
  const examples: BookComparison['examples'][number][] = [];
  for (const sample of samples) {
    const truth = truthBook(sample);
    if (truth === null) continue;
    const book = await tapeBook(sample);
    if (!book.complete) {
      sums.books_incomplete++;
      continue;
    }
    sums.books_compared++;
    if (sameBook(book, truth)) continue;
    sums.books_wrong++;
    const { bids, asks } = book;
    if (examples.length < maxExamples) examples.push({ ...sample, tape: { bids, asks }, truth });
  }
  return { ...sums, examples };
}
