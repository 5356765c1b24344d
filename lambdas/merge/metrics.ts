import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { tapeHealth } from '#src/storage/production/tape-health.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import type { MergeResult } from './contract.ts';

/** How the tape is, is read this often at most, however often the merge runs. */
const HEALTH_INTERVAL_MILLIS = 50_000;

const MEBIBYTE = 2 ** 20;

const millis = (micros: number): number => Math.round(micros / 1_000);

/** What a merge did, and how the tape is after it, as metrics. */
export class MergeMetrics {
  readonly #namespace: string;
  readonly #production: () => Promise<ClientBase>;
  readonly #log: Pick<Logger, 'warn'>;
  #healthAt = Number.NEGATIVE_INFINITY;

  constructor(namespace: string, production: () => Promise<ClientBase>, log: Pick<Logger, 'warn'>) {
    this.#namespace = namespace;
    this.#production = production;
    this.#log = log;
  }

  /** Never rejects: a merge that is done is not undone by a figure that cannot be read. */
  async write(atMillis: number, result: MergeResult): Promise<void> {
    writeMetrics(
      this.#namespace,
      'merge',
      atMillis,
      {},
      {
        merge_rows_inserted: result.inserted,
        merge_rows_confirmed: result.updated,
        merge_lines_away: Object.keys(result.away).length,
        merge_behind: result.behind ? 1 : 0,
        merge_duration: result.millis,
      },
    );
    if (atMillis - this.#healthAt < HEALTH_INTERVAL_MILLIS) return;
    this.#healthAt = atMillis;
    try {
      await this.#writeHealth(atMillis);
    } catch (error) {
      this.#log.warn({ error: (error as Error).message }, 'the state of the tape could not be read');
    }
  }

  async #writeHealth(atMillis: number): Promise<void> {
    const now = (atMillis * 1_000) as Micros;
    const client = await this.#production();
    const { settledUntil, linesAlive, venues } = await tapeHealth(client, now, defaultRules);
    writeMetrics(
      this.#namespace,
      'tape',
      atMillis,
      {},
      {
        tape_settled_age:
          settledUntil === null ? null : Math.max(0, Math.round((now - settledUntil) / 1_000_000)),
        tape_lines_alive: linesAlive,
      },
    );
    const { rows } = await client.query<{ bytes: string }>(
      'SELECT pg_database_size(current_database()) AS bytes',
    );
    writeMetrics(
      this.#namespace,
      'tapeStorage',
      atMillis,
      {},
      { tape_database_size: Math.round(Number(rows[0]!.bytes) / MEBIBYTE) },
    );
    for (const { venue, instrumentsInGap, isInGap, trades } of venues) {
      writeMetrics(
        this.#namespace,
        'tapeVenue',
        atMillis,
        { venue },
        {
          tape_instruments_in_gap: instrumentsInGap,
          tape_venue_in_gap: isInGap ? 1 : 0,
          tape_lines_agreeing: trades?.agreeing ?? null,
          tape_delay_p50: trades === null ? null : millis(trades.delayP50),
          tape_delay_p99: trades === null ? null : millis(trades.delayP99),
        },
      );
    }
  }
}
