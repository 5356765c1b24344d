import type { ClientBase } from 'pg';
import { creditedLines, lookedUpBy } from '../audit/raw-events.ts';
import { Quality } from '../events/captured.ts';
import type { TradeEvent, Venue } from '../events/event.ts';
import type { LineName } from '../storage/production/merge-statements.ts';
import type { Micros } from '../units/time.ts';
import { LineRecords } from './line-records.ts';
import { recordRepair } from './repair-log.ts';

export interface FillOptions {
  readonly venue: Venue;
  readonly line: LineName;
  readonly from: Micros;
  readonly to: Micros;
  /** Finds out what is lacking, and stores nothing. */
  readonly dryRun: boolean;
}

export interface FillReport {
  /** Trades of the span that the venue told. */
  readonly told: number;
  /** Of those, how many the tape does not have. */
  readonly lacking: number;
  /** How many went into the line's database; fewer than lacking where they were there already. */
  readonly stored: number;
}

/**
 * Puts trades that the tape lacks into the database of a line, marked as repaired; the next
 * merge brings them onto the tape. Again changes nothing. A gap stays a gap: only trades are told by REST.
 *
 * @param pages of trades as the venue tells them; some may be outside of the span
 * @throws RepairRefused when the line's database refuses them; the source's error when the venue cannot be asked
 */
export async function fillTrades(
  tape: ClientBase,
  database: ClientBase,
  pages: AsyncIterable<readonly TradeEvent[]>,
  { venue, line, from, to, dryRun }: FillOptions,
): Promise<FillReport> {
  const records = new LineRecords(database);
  let [told, lacking] = [0, 0];
  for await (const page of pages) {
    const trades = page.filter(({ exchange_ts }) => {
      return exchange_ts !== null && exchange_ts >= from && exchange_ts < to;
    });
    if (trades.length === 0) continue;
    told += trades.length;
    const credited = await creditedLines(
      tape,
      'trade',
      trades.map((trade) => lookedUpBy(trade)!.values),
    );
    for (const [index, trade] of trades.entries()) {
      if (credited[index] !== null) continue;
      lacking++;
      const provenance = { gatherer: line, connection: 'repair', sid: 0, seq: 0, quality: Quality.repaired };
      if (!dryRun) await records.add({ ...trade, ...provenance });
    }
  }
  await records.flush();
  const changes = records.stored;
  await recordRepair(tape, { kind: 'trades', venue, line, from, to, changes });
  return { told, lacking, stored: changes['trades']?.['inserted'] ?? 0 };
}
