import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import type { StreamLine } from '#src/events/captured.ts';
import type { SealedRecord } from '#src/stream/sealed-record.ts';
import { firstOrderOf, SpillSegment } from '#src/stream/spill-segment.ts';
import { require } from '../fault.ts';

/** Records in the journal of a process that is gone, in order; what it had half written is left out, as its next life does. */
export async function recordsIn(folder: string): Promise<readonly SealedRecord[]> {
  const records: SealedRecord[] = [];
  for (const name of readdirSync(folder).sort()) {
    const firstOrder = firstOrderOf(name);
    if (firstOrder === null) continue;
    const segment = new SpillSegment(join(folder, name), firstOrder, true);
    await segment.scan(({ reason }) => require(reason === 'torn_tail', `${name} is damaged: ${reason}`));
    while (segment.unreadBytes > 0) records.push(...(await segment.read(segment.unreadBytes, () => {})));
  }
  return records;
}

/** Events by what identifies them on the tape. */
export class SpilledEvents {
  readonly #trades = new Map<string, { venue: string; trade_id: string }>();
  readonly #changes = new Map<string, Record<string, unknown>>();

  get size(): number {
    return this.#trades.size + this.#changes.size;
  }

  add(record: SealedRecord): void {
    for (const text of Buffer.from(record.data).toString('utf8').trimEnd().split('\n')) {
      const line = JSON.parse(text) as StreamLine;
      if (line.kind === 'trade') this.#trade(line);
      if (line.kind === 'book_delta') this.#change(line);
    }
  }

  #trade({ venue, trade_id }: Extract<StreamLine, { kind: 'trade' }>): void {
    this.#trades.set(`${venue} ${trade_id}`, { venue, trade_id });
  }

  #change(line: Extract<StreamLine, { kind: 'book_delta' }>): void {
    const { instrument, exchange_ts, side, price, occurrence } = line;
    const amount = 'change' in line ? line.change : line.size;
    const identity = { instrument, exchange_ts, side, price, amount, occurrence };
    this.#changes.set(JSON.stringify(identity), identity);
  }

  /** How many of them the tape does not have, as seen by the line with this bit. */
  async lackingOn(tape: ClientBase, bit: number): Promise<number> {
    const { rows } = await tape.query<{ lacking: string }>(
      `SELECT (SELECT count(*) FROM jsonb_to_recordset($1::jsonb) AS w (venue text, trade_id text)
                WHERE NOT EXISTS (SELECT FROM trades AS t WHERE t.venue = w.venue AND t.trade_id = w.trade_id
                                                           AND t.lines & $3 <> 0))
            + (SELECT count(*) FROM jsonb_to_recordset($2::jsonb)
                 AS w (instrument text, exchange_ts bigint, side text, price bigint, amount bigint, occurrence smallint)
                WHERE NOT EXISTS (SELECT FROM order_book_deltas AS d
                                   WHERE d.instrument = w.instrument AND d.exchange_ts = w.exchange_ts
                                     AND d.side = w.side AND d.price = w.price AND d.amount = w.amount
                                     AND d.occurrence = w.occurrence AND d.lines & $3 <> 0)) AS lacking`,
      [JSON.stringify([...this.#trades.values()]), JSON.stringify([...this.#changes.values()]), bit],
    );
    return Number(rows[0]!.lacking);
  }
}
