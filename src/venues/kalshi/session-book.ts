import type { Micros } from '../../units/time.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { ControlMessage } from '../decoder.ts';
import type { SessionPort, SessionStatus, VenueSession } from '../session.ts';
import type { MarketLimits } from './session-chunks.ts';
import { TickerQueue } from './session-chunks.ts';
import type { CommandResult, CommandSettings } from './session-commands.ts';
import { CommandBook } from './session-commands.ts';
import { errorMeaning } from './session-errors.ts';
import { SessionHeartbeat } from './session-heartbeat.ts';

export const BOOK_CHANNEL = 'orderbook_delta';
const AUDIT_EVERY = 60 * MICROS_PER_SECOND;
const PAUSE = MICROS_PER_SECOND;
const LONGEST_PAUSE = 60 * MICROS_PER_SECOND;
/** After this many refusals in a row for being busy, a subscription is left as it is and another one opened. */
const PATIENCE = 4;
/** This many commands in a row without any reply: the socket does not listen. */
const UNHEARD = 3;

/** One `orderbook_delta` subscription (sid) of this socket. */
interface Subscription {
  readonly sid: number;
  readonly tickers: Set<string>;
  readonly leaving: Set<string>;
  readonly stale: Set<string>;
  /** How many the next command on it may add. */
  chunk: number;
  /** Additions without reply. */
  adding: number;
  /** The venue has refused more once. */
  isProbed: boolean;
  isFull: boolean;
  isEnding: boolean;
  /** No additions before this time, after error 27. */
  quietUntil: Micros;
  busy: number;
}

export interface BookSessionSettings {
  readonly useYesPrice: boolean;
  readonly limits: MarketLimits;
  readonly commands: CommandSettings;
}

/**
 * Book subscriptions of one Kalshi socket. One subscription grows by `add_markets`; when it is full (error 26)
 * another is opened beside it. A ticker is asked for once only: subscribing it again on a live socket is
 * either answered without a snapshot or doubles every change (protocol: seq, gaps, resync).
 */
export class KalshiBookSession implements VenueSession {
  readonly #port: SessionPort;
  readonly #settings: BookSessionSettings;
  readonly #commands: CommandBook;
  readonly #heartbeat: SessionHeartbeat;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #queue = new TickerQueue();
  /** Under way in a `subscribe` whose sid is not known yet. */
  #subscribing: Set<string> | null = null;
  /** Sids to unsubscribe, those of nobody included. */
  readonly #ending: number[] = [];
  /** Deletions and endings under way: additions wait for them, lest a ticker be added before it is gone. */
  #clearing = 0;
  #quietUntil = 0 as Micros;
  #refusals = 0;
  #isOpen = false;
  #auditAt: Micros | null = null;
  /** Changes with every subscription that begins or ends: an audit counts only if nothing did meanwhile. */
  #version = 0;

  constructor(port: SessionPort, settings: BookSessionSettings) {
    this.#port = port;
    this.#settings = settings;
    this.#commands = new CommandBook(settings.commands, (frame) => port.send(frame));
    this.#heartbeat = new SessionHeartbeat(port);
  }

  opened(now: Micros): void {
    this.#isOpen = true;
    this.#auditAt = (now + AUDIT_EVERY) as Micros;
    this.#pump(now);
  }

  add(instruments: readonly string[], now: Micros): void {
    this.#queue.push(instruments);
    this.#pump(now);
  }

  remove(instruments: readonly string[], now: Micros): void {
    for (const ticker of instruments) {
      if (this.#queue.remove(ticker)) continue;
      if (this.#subscribing?.delete(ticker) === true) continue;
      const subscription = this.#holding(ticker);
      if (subscription === undefined) continue;
      subscription.tickers.delete(ticker);
      subscription.stale.delete(ticker);
      subscription.leaving.add(ticker);
    }
    this.#pump(now);
  }

  refresh(instruments: readonly string[], now: Micros): boolean {
    for (const ticker of instruments) this.#holding(ticker)?.stale.add(ticker);
    this.#pump(now);
    return true;
  }

  reseat(instruments: readonly string[], now: Micros): boolean {
    const held: string[] = [];
    for (const ticker of instruments) {
      const subscription = this.#holding(ticker);
      if (subscription === undefined || subscription.isEnding) continue;
      subscription.tickers.delete(ticker);
      subscription.stale.delete(ticker);
      subscription.leaving.add(ticker);
      held.push(ticker);
    }
    this.#queue.push(held);
    this.#pump(now);
    return true;
  }

  control(message: ControlMessage, now: Micros): void {
    if (!this.#commands.reply(message, now)) {
      if (message.type === 'error') this.#unasked(message, now);
      // The reply to a command that was given up: what it began carries nothing that is wanted.
      if (message.type === 'subscribed' && !this.#subscriptions.has(message.sid))
        this.#ending.push(message.sid);
    }
    this.#pump(now);
  }

  heartbeat(kind: 'ping' | 'pong', now: Micros): void {
    this.#heartbeat.heard(kind, now);
  }

  tick(now: Micros): void {
    if (!this.#isOpen || !this.#heartbeat.tick(now)) return;
    for (const name of this.#commands.expire(now)) {
      this.#port.notice('command_timeout', `no reply to ${name} in time`);
    }
    if (this.#commands.silentInARow >= UNHEARD) {
      this.#port.fail('disconnected', `${UNHEARD} commands in a row were not answered`);
      return;
    }
    this.#pump(now);
    this.#audit(now);
  }

  status(): SessionStatus {
    return {
      queued: this.#queue.size,
      outstanding: this.#commands.outstanding,
      subscriptions: this.#subscriptions.size,
    };
  }

  #holding(ticker: string): Subscription | undefined {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.tickers.has(ticker)) return subscription;
    }
    return undefined;
  }

  #pump(now: Micros): void {
    if (!this.#isOpen) return;
    while (this.#commands.maySend(now)) {
      if (
        !(
          this.#sendSnapshotRequest(now) ||
          this.#sendEnding(now) ||
          this.#sendDeletion(now) ||
          this.#sendAddition(now)
        )
      ) {
        return;
      }
    }
  }

  #sendSnapshotRequest(now: Micros): boolean {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.stale.size === 0 || subscription.isEnding || subscription.quietUntil > now) continue;
      const tickers = takeFirst(subscription.stale, this.#settings.limits.chunk);
      this.#update(subscription, 'get_snapshot', tickers, now, (result, at) => {
        if (result.ok) subscription.busy = 0;
        else this.#snapshotRefused(subscription, tickers, result, at);
      });
      return true;
    }
    return false;
  }

  #snapshotRefused(
    subscription: Subscription,
    asked: string[],
    result: CommandResult & { ok: false },
    now: Micros,
  ): void {
    const meaning = errorMeaning(result.code);
    this.#port.notice('snapshot_refused', `get_snapshot of ${asked.length}: ${words(result)}`);
    if (meaning === 'unauthorized') {
      this.#port.unauthorized(words(result));
      return;
    }
    if (meaning === 'subscription_ended') {
      this.#end(subscription, words(result));
      return;
    }
    const tickers = asked.filter((ticker) => subscription.tickers.has(ticker));
    if (meaning === 'later' && subscription.busy < PATIENCE) {
      this.#rest(subscription, now);
      for (const ticker of tickers) subscription.stale.add(ticker);
      return;
    }
    // Most of the subscription is in doubt: a new one is one command and one reply, with numbers from 1.
    if (
      tickers.length + subscription.stale.size > subscription.tickers.size / 2 &&
      subscription.tickers.size > 1
    ) {
      subscription.isEnding = true;
      this.#ending.push(subscription.sid);
    } else {
      this.reseat(tickers, now);
    }
  }

  #sendEnding(now: Micros): boolean {
    const sid = this.#ending.shift();
    if (sid === undefined) return false;
    this.#clearing++;
    this.#commands.send(now, 'unsubscribe', { sids: [sid] }, (result) => {
      this.#clearing--;
      if (!result.ok) this.#port.notice('command_refused', `unsubscribe ${sid}: ${words(result)}`);
      const subscription = this.#subscriptions.get(sid);
      if (subscription === undefined) return;
      this.#subscriptions.delete(sid);
      this.#version++;
      this.#queue.push(subscription.tickers);
      subscription.tickers.clear();
    });
    return true;
  }

  #sendDeletion(now: Micros): boolean {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.leaving.size === 0 || subscription.isEnding || subscription.quietUntil > now) continue;
      const tickers = takeFirst(subscription.leaving, this.#settings.limits.chunk);
      this.#clearing++;
      this.#update(subscription, 'delete_markets', tickers, now, (result, at) => {
        this.#clearing--;
        if (result.ok) {
          subscription.busy = 0;
          return;
        }
        const meaning = errorMeaning(result.code);
        if (meaning === 'subscription_ended') return this.#end(subscription, words(result));
        if (meaning === 'later' && subscription.busy < PATIENCE) {
          this.#rest(subscription, at);
          for (const ticker of tickers) subscription.leaving.add(ticker);
          return;
        }
        this.#port.notice('command_refused', `delete_markets of ${tickers.length}: ${words(result)}`);
      });
      return true;
    }
    return false;
  }

  #sendAddition(now: Micros): boolean {
    if (this.#queue.size === 0 || this.#clearing > 0 || this.#quietUntil > now) return false;
    const { limits } = this.#settings;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.isFull || subscription.isEnding) continue;
      // Near the limit one at a time, so that each answer is about what is known to be there.
      if (subscription.adding > 0 && subscription.isProbed) return false;
      const held = subscription.tickers.size;
      const count = Math.min(subscription.chunk, limits.allowed(held));
      if (count === 0) {
        if (subscription.adding > 0) return false;
        subscription.isFull = true;
        continue;
      }
      if (subscription.quietUntil > now) return false;
      subscription.adding++;
      const tickers = this.#queue.take(count);
      for (const ticker of tickers) subscription.tickers.add(ticker);
      // Before the reply: the snapshots may come first.
      this.#port.bind(subscription.sid, tickers);
      this.#update(subscription, 'add_markets', tickers, now, (result, at) => {
        subscription.adding--;
        if (result.ok) {
          subscription.busy = 0;
          this.#refusals = 0;
        } else this.#additionRefused(subscription, tickers, held, result, at);
      });
      return true;
    }
    if (this.#subscribing !== null) return false;
    this.#subscribe(this.#queue.take(limits.chunk), now);
    return true;
  }

  #subscribe(asked: string[], now: Micros): void {
    const wanted = new Set(asked);
    this.#subscribing = wanted;
    const params = {
      channels: [BOOK_CHANNEL],
      market_tickers: asked,
      use_yes_price: this.#settings.useYesPrice,
      skip_ticker_ack: true,
    };
    this.#commands.send(now, 'subscribe', params, (result, at) => {
      this.#subscribing = null;
      if (!result.ok) return this.#subscribeRefused([...wanted], asked.length, result, at);
      this.#refusals = 0;
      // An `ok` without `subscribed` joins an older subscription and brings no snapshots.
      const sid = result.sid ?? (this.#subscriptions.size === 1 ? [...this.#subscriptions.keys()][0]! : null);
      if (sid === null) {
        return this.#port.dropped(
          [...wanted],
          'subscription_lost',
          'the reply to subscribe names no subscription',
        );
      }
      const joined = this.#subscriptions.get(sid);
      const subscription = joined ?? this.#begin(sid);
      for (const ticker of asked) {
        if (wanted.has(ticker)) subscription.tickers.add(ticker);
        else subscription.leaving.add(ticker);
      }
      this.#port.bind(sid, [...wanted]);
      if (joined !== undefined) this.refresh([...wanted], at);
    });
  }

  #begin(sid: number): Subscription {
    const subscription: Subscription = {
      sid,
      tickers: new Set(),
      leaving: new Set(),
      stale: new Set(),
      chunk: this.#settings.limits.chunk,
      adding: 0,
      isProbed: false,
      isFull: false,
      isEnding: false,
      quietUntil: 0 as Micros,
      busy: 0,
    };
    this.#subscriptions.set(sid, subscription);
    this.#version++;
    return subscription;
  }

  #update(
    subscription: Subscription,
    action: string,
    tickers: readonly string[],
    now: Micros,
    done: (result: CommandResult, now: Micros) => void,
  ): void {
    this.#commands.send(
      now,
      'update_subscription',
      { sids: [subscription.sid], action, market_tickers: tickers },
      done,
    );
  }

  #additionRefused(
    subscription: Subscription,
    asked: readonly string[],
    held: number,
    result: CommandResult & { ok: false },
    now: Micros,
  ): void {
    // Those removed or lost with their subscription meanwhile are not asked for again.
    const tickers = asked.filter((ticker) => subscription.tickers.delete(ticker));
    for (const ticker of asked) {
      subscription.leaving.delete(ticker);
      subscription.stale.delete(ticker);
    }
    switch (errorMeaning(result.code)) {
      case 'too_many_markets': {
        subscription.isProbed = true;
        const next = this.#settings.limits.refused(held, asked.length);
        this.#port.notice(
          'chunk_halved',
          `${asked.length} more on a subscription of ${held}: ${words(result)}`,
        );
        if (next === 0) subscription.isFull = true;
        else subscription.chunk = Math.min(subscription.chunk, next);
        this.#queue.giveBack(tickers);
        return;
      }
      case 'later':
        this.#rest(subscription, now);
        if (subscription.busy >= PATIENCE) subscription.isFull = true;
        this.#queue.giveBack(tickers);
        return;
      case 'subscription_ended':
        this.#queue.giveBack(tickers);
        this.#end(subscription, words(result));
        return;
      default:
        this.#refusedAnyhow(tickers, result, now);
        return;
    }
  }

  #subscribeRefused(
    tickers: string[],
    asked: number,
    result: CommandResult & { ok: false },
    now: Micros,
  ): void {
    switch (errorMeaning(result.code)) {
      case 'too_many_markets':
        this.#port.notice('chunk_halved', `subscribe of ${asked}: ${words(result)}`);
        if (asked === 1) {
          this.#port.refused(tickers, words(result));
          return;
        }
        this.#settings.limits.refused(0, asked);
        this.#queue.giveBack(tickers);
        return;
      case 'later':
      case 'subscription_ended':
        this.#queue.giveBack(tickers);
        this.#pause(now);
        return;
      default:
        this.#refusedAnyhow(tickers, result, now);
        return;
    }
  }

  /** A refusal that has nothing to do with a particular subscription. */
  #refusedAnyhow(tickers: readonly string[], result: CommandResult & { ok: false }, now: Micros): void {
    const meaning = errorMeaning(result.code);
    if (meaning === 'unauthorized') {
      this.#queue.giveBack(tickers);
      this.#port.unauthorized(words(result));
      return;
    }
    if (meaning === 'bad_market') {
      if (tickers.length === 1) {
        this.#port.refused(tickers, words(result));
        return;
      }
      const half = tickers.length >> 1;
      this.#queue.giveBack(tickers.slice(0, half));
      this.#queue.giveBack(tickers.slice(half));
      return;
    }
    this.#port.notice('command_refused', words(result));
    this.#queue.giveBack(tickers);
    this.#pause(now);
  }

  #rest(subscription: Subscription, now: Micros): void {
    subscription.quietUntil = (now + Math.min(PAUSE * 2 ** subscription.busy, LONGEST_PAUSE)) as Micros;
    subscription.busy++;
  }

  #pause(now: Micros): void {
    this.#quietUntil = (now + Math.min(PAUSE * 2 ** this.#refusals, LONGEST_PAUSE)) as Micros;
    this.#refusals = Math.min(this.#refusals + 1, 10);
  }

  /** An error that answers no command of ours: it speaks of a subscription. */
  #unasked(message: ControlMessage & { type: 'error' }, now: Micros): void {
    const text = `error ${message.code}: ${message.message}`;
    const meaning = errorMeaning(message.code);
    if (meaning === 'unauthorized') {
      this.#port.unauthorized(text);
      return;
    }
    if (meaning !== 'subscription_ended') {
      this.#port.notice('venue_error', text);
      return;
    }
    const only = this.#subscriptions.size === 1 ? [...this.#subscriptions.values()][0] : undefined;
    const subscription = message.sid === null ? only : this.#subscriptions.get(message.sid);
    if (subscription !== undefined) {
      this.#end(subscription, text);
      return;
    }
    this.#port.notice('venue_error', `${text}, of a subscription that is not known`);
    this.#auditAt = now;
  }

  /** A subscription is dead: its markets alone are lost. */
  #end(subscription: Subscription, reason: string): void {
    if (!this.#subscriptions.delete(subscription.sid)) return;
    this.#version++;
    const at = this.#ending.indexOf(subscription.sid);
    if (at >= 0) this.#ending.splice(at, 1);
    const tickers = [...subscription.tickers];
    // A reply that still comes must not give them back a second time.
    subscription.tickers.clear();
    this.#port.dropped(tickers, 'subscription_lost', reason);
  }

  /** Asks the venue what it thinks is subscribed, and acts where the two differ. */
  #audit(now: Micros): void {
    if (this.#auditAt === null || this.#auditAt > now || this.#subscribing !== null) return;
    if (this.#clearing > 0 || this.#ending.length > 0 || !this.#commands.maySend(now)) return;
    this.#auditAt = (now + AUDIT_EVERY) as Micros;
    const version = this.#version;
    this.#commands.send(now, 'list_subscriptions', undefined, (result, at) => {
      if (!result.ok) return this.#port.notice('command_refused', `list_subscriptions: ${words(result)}`);
      if (result.subscriptions === null || version !== this.#version || this.#subscribing !== null) return;
      const there = new Set<number>();
      for (const { channel, sid } of result.subscriptions) {
        there.add(sid);
        if (channel !== BOOK_CHANNEL || this.#subscriptions.has(sid)) continue;
        this.#port.notice('subscription_unknown', `the venue lists subscription ${sid}, which is not ours`);
        this.#ending.push(sid);
      }
      for (const subscription of [...this.#subscriptions.values()]) {
        if (!there.has(subscription.sid)) this.#end(subscription, 'the venue does not list it any more');
      }
      this.#pump(at);
    });
  }
}

function words(result: CommandResult & { ok: false }): string {
  return `error ${result.code}: ${result.message}`;
}

function takeFirst(from: Set<string>, count: number): string[] {
  const taken: string[] = [];
  for (const ticker of from) {
    if (taken.length === count) break;
    taken.push(ticker);
  }
  for (const ticker of taken) from.delete(ticker);
  return taken;
}
