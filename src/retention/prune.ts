import type { ClientBase } from 'pg';
import { formatDate, MICROS_PER_DAY, type Micros } from '../units/time.ts';
import { dropDay, type StoredDay, storedDays } from './stored-days.ts';

/** A table whose days may go. */
export interface PrunedTable {
  readonly name: string;
  /** The column of venue time by which it is cut into days. */
  readonly time: string;
}

/** What of a day is there, and why it has to stay, or null. */
export interface DayState {
  /** Null where it is held anyway: counting takes minutes. */
  readonly rows: number | null;
  readonly held: string | null;
}

/** A database whose old days may go. */
export interface PrunedDatabase<Name extends string = string> {
  readonly name: Name;
  readonly client: ClientBase;
  /** In the order in which their days go. */
  readonly tables: readonly PrunedTable[];
  /** Asked again, with nobody writing to the day, before it is dropped. What is quickly known comes first: held days are many. */
  readonly stateOf: (table: PrunedTable, day: StoredDay) => Promise<DayState>;
}

/** `due`: it would be dropped. `held`: it is old enough, and has to stay. `left`: nobody looked at it, for want of time. */
export type PruneOutcome = 'dropped' | 'due' | 'held' | 'left';

export interface PrunedDay<Name extends string = string> {
  readonly database: Name;
  readonly table: string;
  /** UTC, of venue time. */
  readonly date: string;
  /** Null where nobody has counted them. */
  readonly rows: number | null;
  /** With indexes. */
  readonly bytes: number;
  readonly outcome: PruneOutcome;
  /** Why it is held or left. */
  readonly reason: string | null;
}

/** Days that a table's rows are kept; 0 is for ever. */
export type KeptDays = (table: string) => number;

export interface PruneOptions {
  readonly keptDays: KeptDays;
  readonly now: Micros;
  /** Without it nothing is changed. */
  readonly drop: boolean;
  /** Asked before each day; what is left then is named, for the next time. */
  readonly mayGoOn?: () => boolean;
}

/** Whoever waits for a table keeps others waiting behind. */
const LOCK_SECONDS = 5;

/** The server's words for: others have it. */
const IN_USE = new Set(['55P03', '40P01']);

/** Days kept as the configuration says it: `every` for tables that are not named. */
export function keptDaysOf(policy: Readonly<Record<string, number | undefined>>): KeptDays {
  return (table) => policy[table] ?? policy['every'] ?? 0;
}

/**
 * Old days of a database, and what became of each: dropped where nothing speaks against it. Partitions or chunks go
 * whole; no row is deleted. What is in no day of its own, such as times that cannot be, stays.
 */
export async function* prune<Name extends string>(
  database: PrunedDatabase<Name>,
  { keptDays, now, drop, mayGoOn }: PruneOptions,
): AsyncGenerator<PrunedDay<Name>> {
  let isTime = true;
  for (const table of database.tables) {
    const kept = keptDays(table.name);
    if (kept === 0) continue;
    for (const day of await storedDays(database.client, table.name)) {
      if (day.to > now - kept * MICROS_PER_DAY) continue;
      const found = {
        database: database.name,
        table: table.name,
        date: formatDate(day.from),
        bytes: day.bytes,
      };
      isTime &&= mayGoOn?.() !== false;
      if (!isTime) {
        yield { ...found, rows: null, outcome: 'left', reason: 'no time was left to look at it' };
        continue;
      }
      const { rows, held, dropped } = drop
        ? await dropUnlessHeld(database, table, day)
        : { ...(await database.stateOf(table, day)), dropped: false };
      yield {
        ...found,
        rows,
        outcome: dropped ? 'dropped' : held === null ? 'due' : 'held',
        reason: held,
      };
    }
  }
}

/** Looks and drops in one transaction, in which nobody else writes to the day. */
async function dropUnlessHeld(
  { client, stateOf }: PrunedDatabase,
  table: PrunedTable,
  day: StoredDay,
): Promise<DayState & { readonly dropped: boolean }> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = '${LOCK_SECONDS}s'`);
  let state: DayState = { rows: null, held: null };
  try {
    await client.query(`LOCK TABLE ${day.relation} IN SHARE MODE`);
    state = await stateOf(table, day);
    if (state.held === null) await dropDay(client, day);
    await client.query('COMMIT');
    return { ...state, dropped: state.held === null };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    if (!IN_USE.has((error as { code?: string }).code ?? '')) throw error;
    return { ...state, held: `others have been using ${table.name} for ${LOCK_SECONDS} s`, dropped: false };
  }
}
