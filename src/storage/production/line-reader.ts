import type { Client } from 'pg';
import type { LineLife } from '../../tape/line-account.ts';
import type { Micros } from '../../units/time.ts';
import { LineAway } from './line-away.ts';
import type { LineName } from './merge-statements.ts';
import { RowsUnderWay } from './rows-under-way.ts';

/** Words that no cursor names any more are kept for this long, microseconds. */
const MARKS_KEPT = 600_000_000;

/** Where to read on in one table of one line, as the tape's database remembers it. */
export interface Cursor {
  readonly table: string;
  readonly history: string;
  readonly next: bigint;
  readonly mark: string;
}

/** Rows of one table that are to be read: whole transactions `[from, to)`. */
export interface Reading {
  readonly table: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly rows: number;
}

export interface Heartbeats {
  /** The latest transaction that wrote any of them. */
  readonly xid: bigint;
  /** In the order in which the database first heard of them. */
  readonly lives: readonly LineLife[];
}

/**
 * Reads a line's database by transaction. Every transaction below the bound has ended, so a cursor that stays
 * at or below it can leave no row behind, however long some transaction takes.
 */
export class LineReader {
  readonly line: LineName;
  readonly #client: Client;
  readonly #consumer: string;
  readonly history: string;
  readonly bound: bigint;
  readonly heartbeats: Heartbeats;
  readonly #marks: ReadonlySet<string>;

  private constructor(
    line: LineName,
    client: Client,
    consumer: string,
    state: { history: string; bound: bigint; heartbeats: Heartbeats; marks: ReadonlySet<string> },
  ) {
    this.line = line;
    this.#client = client;
    this.#consumer = consumer;
    this.history = state.history;
    this.bound = state.bound;
    this.heartbeats = state.heartbeats;
    this.#marks = state.marks;
  }

  /** @throws LineAway */
  static async open(line: LineName, client: Client, consumer: string): Promise<LineReader> {
    try {
      // One statement, so that bound and heartbeats are of one moment.
      const { rows } = await client.query(
        `SELECT
           (SELECT system_identifier FROM pg_control_system())::text || '/' ||
             (SELECT oid FROM pg_database WHERE datname = current_database()) AS history,
           pg_snapshot_xmin(pg_current_snapshot())::text AS bound,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('epoch', epoch, 'startedAt', min_started,
              'durableUntil', min_durable, 'provenUntil', proven, 'xid', xid) ORDER BY heard), '[]')
            FROM (SELECT epoch, min(heard) AS heard, min(started_at) AS min_started,
                    -- A lane that has not been heard of yet holds the life back to its begin.
                    CASE WHEN count(*) >= max(lanes) THEN min(durable_until) ELSE min(started_at) END AS min_durable,
                    -- That of the lane which is furthest behind.
                    CASE WHEN count(*) >= max(lanes) THEN (array_agg(proven_until ORDER BY durable_until))[1]
                      ELSE '{}' END AS proven,
                    (array_agg(ingest_xid ORDER BY ingest_xid DESC))[1]::text AS xid
                  FROM heartbeats WHERE gatherer = $2 GROUP BY epoch) AS lives) AS lives,
           (SELECT coalesce(array_agg(mark::text), '{}') FROM merge_marks WHERE consumer = $1) AS marks`,
        [consumer, line],
      );
      const row = rows[0] as {
        history: string;
        bound: string;
        lives: {
          epoch: string;
          startedAt: number;
          durableUntil: number;
          provenUntil: Record<string, Micros>;
          xid: string;
        }[];
        marks: string[];
      };
      const lives = row.lives.map(({ epoch, startedAt, durableUntil, provenUntil }) => ({
        epoch,
        startedAt: startedAt as Micros,
        durableUntil: durableUntil as Micros,
        provenUntil,
      }));
      const xid = row.lives.reduce(
        (latest, life) => (BigInt(life.xid) > latest ? BigInt(life.xid) : latest),
        0n,
      );
      return new LineReader(line, client, consumer, {
        history: row.history,
        bound: BigInt(row.bound),
        heartbeats: { xid, lives },
        marks: new Set(row.marks),
      });
    } catch (error) {
      throw new LineAway(line, error);
    }
  }

  /**
   * Whether the cursor was made in this very history. A database that was restored to an earlier time or built
   * anew lacks the latest word, or has not come as far, and is read from its beginning again.
   */
  isOfThisHistory(cursor: Cursor): boolean {
    return cursor.history === this.history && this.#marks.has(cursor.mark) && cursor.next <= this.bound;
  }

  /**
   * What to read of a table next: whole transactions from the cursor on, up to the bound, about `limit` rows.
   *
   * @throws LineAway
   */
  async ahead(table: string, from: bigint, limit: number): Promise<Reading> {
    try {
      const { rows } = await this.#client.query<{ xid: string; rows: number }>(
        `SELECT ingest_xid::text AS xid, count(*)::integer AS rows
         FROM (
           SELECT ingest_xid FROM ${table}
           WHERE ingest_xid >= $1::xid8 AND ingest_xid < $2::xid8
           ORDER BY ingest_xid LIMIT $3
         ) AS ahead
         GROUP BY ingest_xid ORDER BY ingest_xid`,
        [String(from), String(this.bound), limit + 1],
      );
      const total = rows.reduce((sum, row) => sum + row.rows, 0);
      if (total <= limit) return { table, from, to: this.bound, rows: total };
      // The last transaction may be cut by the limit: it is left for next time, unless it is the only one.
      const last = rows.at(-1)!;
      if (rows.length === 1) return { table, from, to: BigInt(last.xid) + 1n, rows: total };
      return { table, from, to: BigInt(last.xid), rows: total - last.rows };
    } catch (error) {
      throw new LineAway(this.line, error);
    }
  }

  /**
   * Asks for the rows of a reading. What comes before anybody takes it waits in a bounded buffer, so that lines
   * can send while the tape's database is still busy with another. `merge.from` and `merge.to` are set to the
   * reading's bounds for the statement. Nothing else may be asked of the line until the rows were taken or dropped.
   *
   * @param statement a COPY … TO STDOUT in binary.
   * @throws LineAway
   */
  async send(reading: Reading, statement: string): Promise<RowsUnderWay> {
    await this.#run(`SELECT set_config('merge.from', $1, false), set_config('merge.to', $2, false)`, [
      String(reading.from),
      String(reading.to),
    ]);
    return new RowsUnderWay(this.line, this.#client, statement);
  }

  /**
   * Leaves a word that says how far this history has come. Left after the bound was taken: a database that
   * knows it has every transaction below the bound.
   *
   * @throws LineAway
   */
  async leaveMark(mark: string): Promise<void> {
    await this.#run('INSERT INTO merge_marks (consumer, mark) VALUES ($1, $2)', [this.#consumer, mark]);
  }

  /**
   * Forgets all words but those given and the latest: who reads the cursors at one moment and opens the line at a later one,
   * as an audit does, would otherwise take a merge in between for a restored database.
   *
   * @throws LineAway
   */
  async forgetMarksExcept(marks: readonly string[]): Promise<void> {
    await this.#run(
      `DELETE FROM merge_marks
       WHERE consumer = $1 AND NOT mark = ANY ($2::uuid[]) AND marked_at < clock_micros() - $3::bigint`,
      [this.#consumer, marks, MARKS_KEPT],
    );
  }

  async #run(statement: string, values: unknown[]): Promise<void> {
    try {
      await this.#client.query(statement, values);
    } catch (error) {
      throw new LineAway(this.line, error);
    }
  }
}
