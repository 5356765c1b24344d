import type { ClientBase } from 'pg';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { MICROS_PER_MINUTE, type Micros } from '../units/time.ts';
import type { FindingLog } from './finding.ts';

const COUNTED = ['trades', 'order_book_deltas', 'tickers'];
const SLICE = 60 * MICROS_PER_MINUTE;
const columns = ['a', 'b', 'c', 'tape'] as const;

/**
 * Whether `coverage`, which was counted as the events came, is what the tape holds now: finds what was taken off or
 * put onto it since, without any line. Whole minutes, an hour at a time.
 */
export async function auditCoverage(
  client: ClientBase,
  span: { readonly from: Micros; readonly to: Micros },
  findings: FindingLog,
): Promise<void> {
  const from = Math.ceil(span.from / MICROS_PER_MINUTE) * MICROS_PER_MINUTE;
  const to = Math.floor(span.to / MICROS_PER_MINUTE) * MICROS_PER_MINUTE;
  const events = COUNTED.map(
    (table) =>
      `SELECT venue, instrument, exchange_ts / ${MICROS_PER_MINUTE} * ${MICROS_PER_MINUTE} AS minute, lines FROM ${table}
       WHERE exchange_ts >= $1 AND exchange_ts < $2`,
  ).join(' UNION ALL ');
  for (let start = from; start < to; start += SLICE) {
    const rows = rowsOf<Record<string, string>>(
      client,
      `SELECT venue, instrument, minute, ${columns.map((name) => `coalesce(n.${name}, 0) AS ${name}, coalesce(c.events_${name}, 0) AS stated_${name}`).join(', ')}
       FROM (SELECT venue, instrument, minute, count(*) AS tape, count(*) FILTER (WHERE lines & 1 <> 0) AS a,
           count(*) FILTER (WHERE lines & 2 <> 0) AS b, count(*) FILTER (WHERE lines & 4 <> 0) AS c
         FROM (${events}) AS e GROUP BY 1, 2, 3) AS n
       FULL JOIN (SELECT * FROM coverage WHERE minute >= $1 AND minute < $2) AS c USING (venue, instrument, minute)
       WHERE ${columns.map((name) => `coalesce(n.${name}, 0) <> coalesce(c.events_${name}, 0)`).join(' OR ')}`,
      [start, Math.min(start + SLICE, to)],
    );
    for await (const row of rows) {
      const told = columns
        .filter((name) => Number(row[name]) !== Number(row[`stated_${name}`]))
        .map(
          (name) =>
            `${name === 'tape' ? 'the tape' : `line ${name}`} has ${row[name]} events, counted were ${row[`stated_${name}`]}`,
        );
      findings.add({
        kind: 'coverage_differs',
        table: 'coverage',
        venue: row['venue']!,
        subject: row['instrument']!,
        time: Number(row['minute']) as Micros,
        detail: told.join('; '),
      });
    }
  }
}
