import type { ClientBase } from 'pg';
import { MICROS_PER_DAY } from '../units/time.ts';

/** After how many questions a day is tried again whose partition could not be made. */
const QUESTIONS_UNTIL_RETRY = 200;

/** Knows which daily partitions are there, so that the database is asked once a table and day. */
export class DayPartitions {
  /** By table and day: the question from which on it is missing again, or never. */
  readonly #settled = new Map<string, Map<number, number>>();
  #questions = 0;

  /** Days that have no partition as far as is known. */
  missing(days: ReadonlyMap<string, ReadonlySet<number>>): Map<string, number[]> {
    this.#questions++;
    const result = new Map<string, number[]>();
    for (const [table, wanted] of days) {
      const settled = this.#settled.get(table);
      let missing: number[] | null = null;
      for (const day of wanted) {
        if ((settled?.get(day) ?? 0) > this.#questions) continue;
        missing ??= [];
        missing.push(day);
      }
      if (missing !== null) result.set(table, missing);
    }
    return result;
  }

  /**
   * Makes the partitions of these days, each table in a transaction of its own. Days that are far from today
   * have none, and where others hold the default partition for long it is left for later: rows of such days go
   * to the default partition.
   */
  async ensure(client: ClientBase, days: ReadonlyMap<string, readonly number[]>): Promise<void> {
    for (const [table, wanted] of days) {
      let made = true;
      for (const [first, last] of runs(wanted)) {
        const { rows } = await client.query<{ made: boolean }>(
          'SELECT ensure_day_partitions($1, $2, $3) AS made',
          [table, first * MICROS_PER_DAY, last * MICROS_PER_DAY],
        );
        made &&= rows[0]!.made;
      }
      const until = made ? Number.POSITIVE_INFINITY : this.#questions + QUESTIONS_UNTIL_RETRY;
      const settled = this.#settled.get(table) ?? new Map<number, number>();
      for (const day of wanted) settled.set(day, until);
      this.#settled.set(table, settled);
    }
  }
}

/** Days as runs of neighbours. */
function runs(days: readonly number[]): [number, number][] {
  const result: [number, number][] = [];
  for (const day of [...days].sort((a, b) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && last[1] + 1 === day) last[1] = day;
    else result.push([day, day]);
  }
  return result;
}
