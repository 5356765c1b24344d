import type { GapCause, Gatherer } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { endOf, type Interval } from './intervals.ts';

/** One life of a gatherer's process, as its heartbeats tell it. */
export interface LineLife {
  readonly epoch: string;
  readonly startedAt: Micros;
  /** Everything received up to here is in the line's stream. */
  readonly durableUntil: Micros;
  /**
   * By venue, the venue's time up to which everything had been received by `durableUntil`. Absent where the line does
   * not say: then the clock of the line is taken for the venue's.
   */
  readonly provenUntil?: Readonly<Record<string, Micros>>;
}

/** Venue time up to which a life has everything. */
export function provenUntil(life: LineLife, venue: string): Micros {
  return life.provenUntil?.[venue] ?? life.durableUntil;
}

/**
 * The latest venue time up to which any of these lives has everything; minus infinity of none. A life that does not
 * say has only its line's clock, which may be ahead by any amount: that counts while no life says.
 */
export function latestProven(lives: readonly LineLife[], venue: string): number {
  const saying = lives.filter((life) => life.provenUntil?.[venue] !== undefined);
  const believed = saying.length > 0 ? saying : lives;
  return believed.reduce(
    (latest, life) => Math.max(latest, provenUntil(life, venue)),
    Number.NEGATIVE_INFINITY,
  );
}

/** A gap that a line recorded. */
export interface LineGap {
  /** `gatherer:epoch:counter`. */
  readonly gapId: string;
  readonly from: Micros;
  readonly to: Micros | null;
  readonly cause: string;
}

/** Causes of the gaps with which a line begins to expect an instrument. No other gap says that it ever did. */
export const BEGINNINGS: ReadonlySet<string> = new Set(['startup', 'not_subscribed'] satisfies GapCause[]);
/** Cause of a gap that a line leaves open because there is nothing more to be seen. */
export const MARKET_OVER = 'market_over' satisfies GapCause;

/** What is known of one line as a whole. */
export interface LineAccount {
  readonly line: Gatherer;
  /** The venue that the account is about. */
  readonly venue: string;
  /** As the line lived them, whatever its clock said. Empty: the line never ran. */
  readonly lives: readonly LineLife[];
  /** Gaps that concern every instrument of the venue. */
  readonly allGaps: readonly LineGap[];
}

/** A stretch in which a line proves nothing of an instrument, and why. */
export interface Unproven extends Interval {
  readonly cause: string;
}

export interface AccountRules {
  /** Time of the computation: a line silent for longer than `silence` before it counts as down. */
  readonly now: Micros;
  /** How long after its last heartbeat a line still counts as running, in microseconds. */
  readonly silence: number;
  /**
   * By how much an event may arrive after its venue time, in microseconds. Bounds of gaps are receive times
   * while the tape is read by venue time, so an unproven stretch begins this much earlier.
   */
  readonly arrivalAllowance: number;
}

/** The life a gap belongs to: the middle of `gatherer:epoch:counter`. */
export function epochOf(gapId: string): string {
  return gapId.slice(gapId.indexOf(':') + 1, gapId.lastIndexOf(':'));
}

/**
 * Begins of the lives of a line in time of a venue. A life says its own by the clock of its process, which may have been
 * set back since the life before: it began no earlier than the venue time up to which an earlier one had everything.
 */
export function beginsOfLives({ lives, venue }: Pick<LineAccount, 'lives' | 'venue'>): Micros[] {
  let earliest = Number.NEGATIVE_INFINITY;
  return lives.map((life) => {
    const begin = Math.max(life.startedAt, earliest) as Micros;
    earliest = Math.max(earliest, life.provenUntil?.[venue] ?? earliest);
    return begin;
  });
}

/**
 * The gap no longer than its life: what a dead process left open ends where the next life begins. A process may
 * die before its first heartbeat; its gaps then end with the first life that began after them.
 */
function withinLife(gap: LineGap, lives: readonly LineLife[], begins: readonly Micros[]): Unproven {
  const index = lives.findIndex((life) => life.epoch === epochOf(gap.gapId));
  if (index < 0 && gap.to !== null) return { from: gap.from, to: gap.to, cause: gap.cause };
  const end = (index < 0 ? begins.find((begin) => begin > gap.from) : begins[index + 1]) ?? null;
  const to = end !== null && end < endOf(gap) ? end : gap.to;
  return { from: gap.from, to, cause: gap.cause };
}

/** The same, begun earlier; one that ends where it begins stays empty. */
function earlier(unproven: Unproven, allowance: number): Unproven {
  if (unproven.to !== null && unproven.to <= unproven.from) return unproven;
  return { ...unproven, from: Math.max(0, unproven.from - allowance) as Micros };
}

/**
 * Stretches in which the line was not running or recorded a gap of everything.
 *
 * @param since stretches that end before may be left out.
 */
export function unprovenForAll(account: LineAccount, rules: AccountRules, since = 0 as Micros): Unproven[] {
  const { lives, allGaps, venue } = account;
  const begins = beginsOfLives(account);
  const first = begins[0];
  if (first === undefined) return [{ from: 0 as Micros, to: null, cause: 'line_down' }];
  const result: Unproven[] = [{ from: 0 as Micros, to: first, cause: 'line_down' }];
  lives.forEach((life, index) => {
    const end = begins[index + 1] ?? null;
    if (end !== null && end < since) return;
    const from = provenUntil(life, venue);
    if (end !== null || from < rules.now - rules.silence) {
      result.push(earlier({ from, to: end, cause: 'line_down' }, rules.arrivalAllowance));
    }
  });
  for (const gap of allGaps) {
    if (endOf(gap) >= since) result.push(earlier(withinLife(gap, lives, begins), rules.arrivalAllowance));
  }
  return result;
}

/**
 * Causes of gaps that say when an instrument was expected, or no longer. They bear on all times, whenever they end: of
 * other gaps only those that reach beyond a time bear on what comes after it.
 */
export const EXPECTATIONS: readonly string[] = [...BEGINNINGS, MARKET_OVER];

/** When a line began to expect an instrument, for the last time; null if it never did. */
function lastBeginning(gaps: readonly LineGap[]): Micros | null {
  let last: Micros | null = null;
  for (const { cause, from } of gaps) {
    if (BEGINNINGS.has(cause) && (last === null || from > last)) last = from;
  }
  return last;
}

/**
 * From when on there is nothing more to be seen of an instrument: the earliest time at which a line ended its
 * account of it because the venue called its market over, and after which no line began to expect it again. Null
 * while it may still have events.
 *
 * @param gaps the gaps that each line recorded of this instrument.
 */
export function marketOver(gaps: Iterable<readonly LineGap[]>): Micros | null {
  let last = Number.NEGATIVE_INFINITY;
  const ends: Micros[] = [];
  for (const list of gaps) {
    last = Math.max(last, lastBeginning(list) ?? last);
    for (const { cause, from } of list) if (cause === MARKET_OVER) ends.push(from);
  }
  const valid = ends.filter((end) => end >= last);
  return valid.length === 0 ? null : (Math.min(...valid) as Micros);
}

/**
 * Stretches in which the line proves nothing of one instrument: those of everything, the instrument's own
 * gaps, and the part of each life before the line began to expect the instrument (each life opens a gap then).
 *
 * @param gaps all that end at `since` or later, and all of `EXPECTATIONS`.
 * @param since stretches that end before may be left out.
 */
export function unprovenForInstrument(
  account: LineAccount,
  gaps: readonly LineGap[],
  rules: AccountRules,
  since = 0 as Micros,
): Unproven[] {
  const { lives } = account;
  const begins = beginsOfLives(account);
  const result = unprovenForAll(account, rules, since);
  const firstExpected = new Map<string, Micros>();
  for (const gap of gaps) {
    // Up to the end of its market the line had everything: only what can be missed may have arrived later.
    const allowance = gap.cause === MARKET_OVER ? 0 : rules.arrivalAllowance;
    if (endOf(gap) >= since)
      result.push(earlier(untilExpected(withinLife(gap, lives, begins), gaps), allowance));
    if (!BEGINNINGS.has(gap.cause)) continue;
    const epoch = epochOf(gap.gapId);
    const known = firstExpected.get(epoch);
    if (known === undefined || gap.from < known) firstExpected.set(epoch, gap.from);
  }
  lives.forEach((life, index) => {
    const expected = firstExpected.get(life.epoch);
    const end = begins[index + 1] ?? null;
    const to = expected === undefined || (end !== null && end < expected) ? end : expected;
    if (to === null || to >= since) result.push({ from: begins[index]!, to, cause: 'not_subscribed' });
  });
  return result;
}

/** Nobody closes a gap that was left because a market is over: expected again, the line has a new one from then on. */
function untilExpected(unproven: Unproven, gaps: readonly LineGap[]): Unproven {
  if (unproven.cause !== MARKET_OVER) return unproven;
  let to = unproven.to;
  for (const { cause, from } of gaps) {
    if (BEGINNINGS.has(cause) && from >= unproven.from && (to === null || from < to)) to = from;
  }
  return { ...unproven, to };
}
