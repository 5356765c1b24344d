import type { FrameOutcome } from '../capture/line.ts';
import type { GapCause } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';
import { Carrying } from './carrying.ts';
import { Connector } from './connector.ts';
import type { Carriage, Life, LifeEnd } from './life.ts';
import type { LineNotice, PoolParts, PoolStatus } from './pool-contract.ts';
import { poolStatus } from './pool-status.ts';
import { Recovery } from './recovery.ts';
import { Replacement } from './replacement.ts';
import { type Interruption, Silences } from './silence.ts';
import type { Slot } from './slot.ts';
import { Slots } from './slots.ts';
import { findStalled } from './stall.ts';
import { StandStill } from './stand-still.ts';
import { Witness } from './witness.ts';

const RECONCILE_EVERY = 2 * MICROS_PER_SECOND;
const EMPTY_FOR = 10 * MICROS_PER_SECOND;
/** Data for so many instruments, each taken off the socket so long ago: the venue ignores the unsubscribing. */
const STRAY_AFTER = 30 * MICROS_PER_SECOND;
const STRAYS = 10;
const NAMED = 10;
/** Heartbeats' distances after which a socket that brought nothing at all is in doubt. */
const UNHEARD = 1.5;

/** Also when the clock was set back since the last time: what is seen to every second must not rest for an hour. */
function isDue(last: Micros, now: Micros, every: number): boolean {
  return now - last >= every || now < last;
}

/**
 * Keeps one venue's connections: enough of them, spread evenly, each carrying what it should, replaced when
 * they fail, fall silent or grow old. Everything happens in `tick`, in the calls below, and when a socket says
 * something; there are no timers of its own.
 */
export class ConnectionPool {
  readonly #parts: PoolParts;
  readonly #slots: Slots;
  readonly #carrying: Carrying;
  readonly #connector: Connector;
  readonly #counters = new Map<string, number>();
  readonly #recovery: Recovery;
  readonly #replacement: Replacement;
  readonly #witness: Witness;
  readonly #silences: Silences;
  readonly #standStill = new StandStill();
  #isRunning = false;
  #lookedAt = 0 as Micros;
  #reconciledAt = 0 as Micros;
  #countedAt = 0 as Micros;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    const { timing } = parts.settings;
    this.#slots = new Slots(parts.profile.venue, parts.settings.book);
    this.#connector = new Connector(
      parts,
      {
        forsakes: (now) => this.#forsakes(now),
        open: (life, now) => this.#opened(life, now),
        bound: (life, sid, instruments, now) => this.#bound(life, sid, instruments, now),
        dropped: (life, instruments, cause, reason, now) =>
          this.#dropped(life, instruments, cause, reason, now),
        refused: (life, instruments, reason, now) => this.#refused(life, instruments, reason, now),
        outcome: (life, outcome, now) => this.#outcome(life, outcome, now),
        ended: (life, end, now) => this.#ended(life, end, now),
        notice: (kind, message, life) => this.#notice(kind, message, life),
      },
      (kind, message) => this.#notice(kind, message),
    );
    const notice = (kind: string, message: string, slot: Slot) => this.#notice(kind, message, slot.current);
    this.#replacement = new Replacement(timing, parts.random, {
      begin: (slot, now) => this.#succeed(slot, now),
      finish: (slot, now) => this.#takeOver(slot, now),
      abandon: (slot, reason) => slot.successor?.end({ kind: 'failed', reason, cause: 'disconnected' }),
      notice,
    });
    this.#witness = new Witness({
      fetchBooks: parts.fetchBooks,
      books: (snapshot) => this.#settle(parts.keeper.restSnapshot(snapshot), parts.clock()),
      failed: (message) => this.#notice('witness_failed', message),
      round: parts.profile.isNumbered('book')
        ? null
        : {
            every: timing.compareEvery,
            total: () => this.#carrying.size,
            next: (count) => this.#carrying.nextSettled(count),
          },
    });
    this.#recovery = new Recovery(timing, {
      carry: (assignments, now) => this.#carrying.carry(assignments, now),
      move: (slot, assignments, now) => this.#carrying.move(slot, assignments, now),
      replace: (slot, reason, now) => {
        if (!this.#replacement.isAllowed(slot, now)) return false;
        slot.replaceReason ??= reason;
        return true;
      },
      witness: (instruments) => this.#witness.ask(instruments),
      count: (what, by) => this.#count(what, by),
    });
    this.#silences = new Silences({
      keeper: parts.keeper,
      unheardAfter: parts.profile.heardEvery * UNHEARD,
      isNumbered: (purpose) => parts.profile.isNumbered(purpose),
      lives: () => this.#connector.lives.keys(),
    });
    this.#carrying = new Carrying(this.#slots, parts.keeper, this.#recovery);
  }

  /** Begins: feed connections at once, book connections as instruments are requested. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const now = this.#parts.clock();
    for (const { purpose, connections } of this.#parts.settings.feeds) {
      this.#parts.keeper.feedExpected?.(purpose, now, connections > 0);
      for (let number = 1; number <= connections; number++) this.#slots.add(purpose, number);
    }
    this.tick();
  }

  /**
   * Ends all connections; what they carried is lost from here on. Resolves when all sockets are closed, or when
   * `after` calls back: then those still open are dropped. `after` returns what cancels it.
   */
  async stop(after: (done: () => void) => () => void): Promise<void> {
    this.#isRunning = false;
    const lives = [...this.#connector.lives.keys()];
    // Even where it was too soon to judge: nothing that still waits to be read will be.
    this.#silences.look(this.#parts.clock());
    for (const life of lives) life.end({ kind: 'replaced', reason: 'stopped', cause: 'line_down' });
    let cancel = () => {};
    const limit = new Promise<void>((done) => {
      cancel = after(done);
    });
    await Promise.race([Promise.all(lives.map((life) => life.gone)), limit]);
    cancel();
    for (const life of lives) life.terminate();
  }

  /** These are to be carried from now on; those that are already are left alone. */
  request(instruments: readonly string[]): void {
    const waiting = this.#carrying.request(instruments, this.#parts.clock());
    if (waiting > 0) this.#notice('no_room', `${waiting} instruments wait: all connections are full`);
  }

  /** These are not to be carried any more. */
  release(instruments: readonly string[]): void {
    this.#carrying.release(instruments, this.#parts.clock());
  }

  /** To be called about every 100 ms. */
  tick(): void {
    if (!this.#isRunning) return;
    const now = this.#parts.clock();
    const reason = this.#forsakes(now);
    if (reason !== null)
      for (const life of [...this.#connector.lives.keys()])
        life.end({ kind: 'failed', reason, cause: 'disconnected' });
    const isPatient = this.#standStill.tick(now);
    this.#connector.tick(this.#slots.all, now);
    for (const life of [...this.#connector.lives.keys()]) if (life.state === 'open') life.session.tick(now);
    if (!isPatient) this.#recovery.tick(now);
    this.#witness.tick(now);
    if (isDue(this.#lookedAt, now, MICROS_PER_SECOND)) {
      this.#lookedAt = now;
      if (!isPatient) {
        this.#silences.look(now);
        this.#breakStalls(now);
      }
      this.#replacement.look(this.#slots.all, now);
      this.#closeEmpty(now);
      this.#carrying.placeWaiting(now);
    }
    if (isDue(this.#reconciledAt, now, RECONCILE_EVERY)) {
      this.#reconciledAt = now;
      const found = this.#carrying.reconcile(now);
      if (found > 0) this.#count('reconciled', found);
    }
    if (isDue(this.#countedAt, now, MICROS_PER_MINUTE)) this.#assertCounts(now);
  }

  status(): PoolStatus {
    const now = this.#parts.clock();
    return poolStatus(
      this.#parts.profile.venue,
      this.#slots.all,
      this.#carrying.unplaced,
      this.#connector.isUnauthorized,
      this.#counters,
      now,
    );
  }

  /** After so long, what waits on the sockets could not be told from what was said since. */
  #forsakes(now: Micros): string | null {
    return this.#isRunning && this.#standStill.isTooLong(now)
      ? 'this process stood still for too long'
      : null;
  }

  // Lives.

  #opened(life: Life, now: Micros): void {
    const slot = this.#connector.lives.get(life);
    if (slot === undefined) return;
    slot.isUnauthorized = false;
    this.#notice('connected', 'open', life);
    this.#replacement.opened(slot, now);
    this.#carrying.opened(slot, life, now);
  }

  #bound(life: Life, sid: number, instruments: readonly string[], now: Micros): void {
    this.#connector.accepted();
    if (life.place.purpose !== 'book') {
      life.carryingSince = now;
      this.#parts.keeper.feedCarried?.(life.place.purpose, life.epoch, now);
      return;
    }
    this.#carrying.bound(life, sid, instruments, now);
  }

  #dropped(life: Life, instruments: readonly string[], cause: GapCause, reason: string, now: Micros): void {
    this.#notice('subscription_lost', reason, life);
    if (life.place.purpose !== 'book') {
      life.carryingSince = null;
      this.#parts.keeper.feedDropped?.(life.epoch, now, cause);
      return;
    }
    this.#carrying.dropped(life, instruments, cause, now);
  }

  #refused(life: Life, instruments: readonly string[], reason: string, now: Micros): void {
    this.#notice('instrument_refused', `${instruments.slice(0, NAMED).join(' ')}: ${reason}`, life);
    this.#carrying.refused(life, instruments, now);
  }

  #outcome(life: Life, outcome: FrameOutcome, now: Micros): void {
    const { touched, proven, lifecycle, controls } = outcome;
    const isFirstBook = proven.length > 0;
    const isPrompt = this.#standStill.lateBy(now) === 0;
    const isComplete = this.#parts.profile.isNumbered(life.place.purpose) && outcome.resync.length === 0;
    let interruptions: readonly Interruption[] = [];
    if (outcome.hasData === true || touched.length > 0 || lifecycle.length > 0) {
      interruptions = this.#silences.data(life, outcome, now, this.#standStill.silentBy(now));
      life.hasData = true;
      life.watch.data(now, isFirstBook, isPrompt, isComplete);
    }
    if (typeof outcome.exchange_ts === 'number') life.messageAge = now - outcome.exchange_ts;
    for (const { reason, message } of outcome.problems) this.#notice(`decode_${reason}`, message, life);
    const isBook = life.place.purpose === 'book';
    let heard: Carriage | null = null;
    for (const instrument of touched) {
      const assignment = this.#carrying.get(instrument);
      if (assignment === undefined) this.#parts.listener.unknownInstrument(instrument);
      if (!isBook) continue;
      if (assignment !== undefined && assignment.carriage !== null && assignment.carriage.life === life) {
        // However many of its books a frame is about, it is one event.
        if (assignment.carriage !== heard)
          assignment.carriage.watch.data(now, isFirstBook, isPrompt, isComplete);
        heard = assignment.carriage;
        // Of one that is being taken over, only a whole book counts.
        if (assignment.previous === null) assignment.seenOn = life;
      } else {
        this.#strayed(life, instrument, now);
      }
    }
    this.#settle(outcome, now);
    for (const { life: lost, since } of interruptions) this.#interrupted(lost, since, now);
    for (const control of controls) life.session.control(control, now);
    for (const event of lifecycle) this.#parts.listener.lifecycle(event);
  }

  /** A silence that chance does not explain is over, and no number says whether something is missing. */
  #interrupted(life: Life, since: Micros, now: Micros): void {
    const slot = this.#connector.lives.get(life);
    if (slot === undefined) return;
    const seconds = Math.round((now - since) / MICROS_PER_SECOND);
    this.#notice('interrupted', `what came since ${seconds} s ago may not be all`, life);
    this.#parts.keeper.interrupted?.(life.epoch, since, now, 'stalled');
    this.#carrying.inDoubt(this.#carrying.carriedBy(slot, life), now);
  }

  /** What a frame, or a book by REST, proved and put in doubt. */
  #settle(outcome: FrameOutcome, now: Micros): void {
    this.#carrying.proven(outcome.proven);
    for (const { instruments, cause } of outcome.resync) {
      this.#count(`resync_${cause}`, 1);
      this.#carrying.inDoubt(instruments, now);
    }
  }

  #strayed(life: Life, instrument: string, now: Micros): void {
    const removedAt = life.removed.get(instrument);
    if (removedAt === undefined || now - removedAt < STRAY_AFTER || life.strays.has(instrument)) return;
    life.strays.add(instrument);
    const slot = this.#connector.lives.get(life);
    if (life.strays.size === STRAYS && slot?.current === life) {
      slot.replaceReason ??= 'the venue goes on sending what was unsubscribed';
    }
  }

  #ended(life: Life, end: LifeEnd, now: Micros): void {
    const slot = this.#connector.lives.get(life);
    if (slot === undefined) return;
    this.#connector.lives.delete(life);
    const isDoubted = this.#silences.isDoubted(life);
    this.#silences.ended(life, now);
    if (life.hasData) slot.usual = life.watch;
    // If it was only quiet, it must not be taken for stalled again and again.
    if (end.cause === 'stalled') life.watch.doubt();
    const isStalled = end.cause === 'stalled';
    const isSound = end.cause === 'line_down' && !isDoubted;
    const since = isSound ? life.lastInboundAt : isStalled ? life.watch.lastAt : life.soundUntil;
    this.#carrying.lost(life, this.#parts.keeper.connectionClosed(life.epoch, since, end.cause), now);
    this.#carrying.withdraw(slot, life, now);
    if (end.kind === 'replaced') return;
    this.#tellEnd(slot, life, end, now);
    if (slot.successor === life) {
      slot.successor = null;
      this.#replacement.failed(slot, now);
      return;
    }
    slot.current = slot.successor;
    slot.successor = null;
  }

  #tellEnd(slot: Slot, life: Life, end: LifeEnd, now: Micros): void {
    const { random, settings } = this.#parts;
    slot.fell(life, end, now, random, settings.timing.backoff);
    const words = `${end.kind} ${end.code === 0 ? '' : `${end.code} `}${end.reason}`.trim();
    this.#notice(end.cause === 'stalled' ? 'stalled' : 'disconnected', words, life);
    if (slot.isLooping) {
      this.#notice('close_loop', `closed the same way again and again: ${words}`, life);
    }
    if (end.kind !== 'unauthorized') return;
    const minutes = this.#connector.refusedKey(now);
    this.#notice(
      'unauthorized',
      `the venue refuses the key (${words}); trying again every ${minutes} min`,
      life,
    );
  }

  // Care.

  #breakStalls(now: Micros): void {
    const { settings, profile } = this.#parts;
    const { stallAfter } = settings.timing;
    const verdict = findStalled(
      [...this.#connector.lives.keys()],
      stallAfter,
      now,
      (life) => !profile.isNumbered(life.place.purpose) && this.#silences.isLost(life, now),
    );
    if (verdict.isVenueSilent)
      this.#notice('venue_silent', 'no connection gets data; one is opened anew to see');
    for (const { life, since, silent } of verdict.stalled) {
      const lost: string[] = [];
      for (const assignment of this.#connector.lives.get(life)?.assignments ?? []) {
        if (assignment.carriage !== null && silent.has(assignment.carriage)) lost.push(assignment.instrument);
      }
      if (lost.length > 0) this.#parts.keeper.lose(lost, since, 'stalled');
      const seconds = Math.round((now - since) / MICROS_PER_SECOND);
      life.end({ kind: 'failed', reason: `no data for ${seconds} s`, cause: 'stalled' });
    }
  }

  #succeed(slot: Slot, now: Micros): boolean {
    slot.successor = this.#connector.openSuccessor(slot, now);
    return slot.successor !== null;
  }

  /** The successor carries everything: it is the connection now. */
  #takeOver(slot: Slot, now: Micros): void {
    const { current, successor } = slot;
    if (current === null || successor === null) return;
    slot.current = successor;
    slot.successor = null;
    this.#carrying.takenOver(slot, successor, now);
    current.end({ kind: 'replaced', reason: 'replaced', cause: 'disconnected' });
    slot.lastClose = { at: now, code: 1000, reason: 'replaced' };
    this.#notice('replaced', `by ${successor.epoch.name}`, current);
  }

  #closeEmpty(now: Micros): void {
    for (const slot of this.#slots.all) {
      if (slot.isWanted || slot.current === null) {
        slot.emptySince = null;
      } else {
        slot.emptySince ??= now;
        if (now - slot.emptySince < EMPTY_FOR) continue;
        const { current, successor } = slot;
        slot.current = null;
        slot.successor = null;
        for (const life of [successor, current])
          life?.end({ kind: 'replaced', reason: 'nothing to carry', cause: 'disconnected' });
      }
    }
  }

  /** Requested, subscribed and seeded must agree, but for what is only just on its way; if not, that is told. */
  #assertCounts(now: Micros): void {
    this.#countedAt = now;
    const patience = 2 * this.#parts.settings.timing.firstEventDeadline;
    const { count, names } = this.#carrying.overdue(patience, now, NAMED);
    const { expected, bound, proven } = this.#parts.keeper.counts();
    const requested = this.#carrying.size;
    if (count === 0 && expected === requested) return;
    this.#notice(
      'counts_differ',
      `requested ${requested}, expected ${expected}, subscribed ${bound}, seeded ${proven}; ${count} overdue: ${names.join(' ')}`,
    );
  }

  #count(what: string, by: number): void {
    this.#counters.set(what, (this.#counters.get(what) ?? 0) + by);
  }

  #notice(kind: string, message: string, life: Life | null = null): void {
    this.#count(kind, 1);
    const { clock, listener, profile } = this.#parts;
    const level: LineNotice['level'] = QUIET.has(kind) ? 'info' : GRAVE.has(kind) ? 'error' : 'warn';
    const notice: LineNotice = { kind, level, venue: profile.venue, at: clock(), message };
    listener.notice(life === null ? notice : { ...notice, connection: life.epoch.name });
  }
}

/** Empty frames come in normal operation of Polymarket (`protocols/polymarket.md`). */
const QUIET = new Set(['connected', 'replaced', 'chunk_halved', 'decode_empty']);
const GRAVE = new Set(['unauthorized', 'signing_failed', 'internal_error', 'close_loop']);
