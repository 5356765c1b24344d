import { OrderBook } from '../../book/order-book.ts';
import type { GapHolder, OpenGap } from '../../continuity/gap-ledger.ts';
import { SequenceTracker } from '../../continuity/sequence.ts';
import { OccurrenceCounter, TradeCounter } from '../../events/occurrence.ts';
import { Asides } from './asides.ts';
import { RecentKeys } from './copies.ts';
import type { MissedChanges } from './missed-changes.ts';

const NEVER = Number.NEGATIVE_INFINITY;
/** Trades that one subscription remembers, to number equal ones; they come within seconds of each other. */
const REMEMBERED_TRADES = 8_192;
/** Frames of several changes of one level that are remembered; they are rare, and so are resends of them. */
const DOUBLED_KEPT = 16;

/** One subscription of one connection; what its frames say about continuity holds for all its instruments. */
export class Source {
  readonly connection: string;
  /** 0 where the venue has no subscription ids. */
  readonly sid: number;
  readonly sequence = new SequenceTracker();
  readonly members = new Set<InstrumentState>();
  /** The channel that the venue named for it; null for the books, and until the venue has named one. */
  feed: string | null = null;
  /** Receive time of the last frame after which nothing was missing, and of the last such with a venue time. */
  lastGood: number;
  lastTimed: number;
  /** It has brought something after which nothing was missing. */
  isHeard = false;
  /** It carries what the venue announces on every connection. */
  isAnnouncing = false;
  /** Greatest delay of late between venue and line, microseconds; null before one is known. */
  delay: number | null = null;
  /** Its last frame, if that held changes alone and a repetition has to be recognised. */
  lastFrame: string | Uint8Array | null = null;
  /** Its latest frames that change some level more than once. */
  readonly doubled = new RecentKeys(DOUBLED_KEPT);
  /** Time before which no further resync of the whole subscription is asked for. */
  quietUntil = NEVER;
  /** Its books were put in doubt before that time, and not asked for. */
  isResyncOwed = false;
  /** By instrument, what came before its first book, where nothing orders the two. */
  readonly missed = new Map<string, MissedChanges>();
  /** Numbers what it brings of instruments whose book comes from elsewhere. */
  readonly asides = new Asides();
  private tradeCounter: TradeCounter | null = null;

  constructor(connection: string, sid: number, at: number) {
    this.connection = connection;
    this.sid = sid;
    this.lastGood = at;
    this.lastTimed = at;
  }

  /** Numbers the equal trades that this subscription brings, for a venue that gives trades no id. */
  get trades(): TradeCounter {
    this.tradeCounter ??= new TradeCounter(REMEMBERED_TRADES);
    return this.tradeCounter;
  }
}

/** What a line holds of one instrument. There may be a million: what few need is made when needed. */
export class InstrumentState implements GapHolder {
  readonly instrument: string;
  readonly book = new OrderBook();
  gap: OpenGap | null = null;
  /** The subscription that its book is taken from, and the one that takes over with its first snapshot. */
  source: Source | null = null;
  pending: Source | null = null;
  isReleased = false;
  /** The book is known to be the venue's, as of the last frame. */
  isProven = false;
  /** The book has had a snapshot from its present source, even if it is no longer proven. */
  isSeeded = false;
  /** The next event is the first after a gap. */
  isAfterGap = false;
  /** Venue time up to which the whole book is known to have been right; stated best prices do not show that. */
  verifiedUntil = NEVER;
  /** Receive time of the snapshot that seeded the book, and of the last change. */
  seededAt = NEVER;
  changedAt = NEVER;
  /** Greatest venue time among the changes applied since the seed. */
  changeTime = NEVER;
  /** Greatest label of its anchors. */
  anchorLabel = NEVER;
  /** Receive time of the last anchor, and changes since. */
  anchoredAt = NEVER;
  changesSinceAnchor = 0;
  isAnchorDue = false;
  isAnchorQueued = false;
  isIdleQueued = false;
  isSnapshotQueued = false;
  /** Time before which no further resync is asked for. */
  resyncNotBefore = NEVER;
  isResyncQueued = false;
  /** Grows with every change and every book: whether anything happened between two messages. */
  marker = 0;
  /** Frame in which the latest entry of this instrument was not applied, so that stated prices are of no use. */
  unappliedFrame = 0;
  /** Frame whose last stated prices of this instrument have been looked at. */
  toppedFrame = 0;
  /** Times that REST books disagreed in a row while the book stood still, and the marker at the first of them. */
  restDisagreements = 0;
  restMarker = 0;
  /** Numbers the changes that the present source sends; null before the first of them. */
  occurrences: OccurrenceCounter | null = null;

  constructor(instrument: string) {
    this.instrument = instrument;
  }

  get counter(): OccurrenceCounter {
    this.occurrences ??= new OccurrenceCounter();
    return this.occurrences;
  }
}
