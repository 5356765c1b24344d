import type { ClientBase } from 'pg';
import type { LineAccounts } from '../coverage/line-accounts.ts';
import { Quality } from '../events/captured.ts';
import { type LineName, lineBits, lineNames } from '../storage/production/merge-statements.ts';
import { rowsOf } from '../storage/production/row-cursor.ts';
import { endOf } from '../tape/intervals.ts';
import { provenUntil } from '../tape/line-account.ts';
import type { Micros } from '../units/time.ts';
import type { FindingLog } from './finding.ts';

/** What a line did not see of the events that others saw. */
export interface MissedFigures {
  seen: number;
  /** It says itself that it may lack them: lost, and declared. */
  missed_in_gap: number;
  /** Later than the line has been merged: they may still come. */
  missed_late: number;
  /** It says that it had everything then: each is a finding, because what it proves of other times is in doubt as well. */
  missed_unnoticed: number;
}

/** How the lines compare with each other. */
export interface Agreement {
  /** Events of the tape. */
  events: number;
  /** By the lines that saw them, such as `abc` or `ab`. */
  seen_by: Record<string, number>;
  /** Of each pair, the share of events that either saw which both saw, 0 to 1; null without any. */
  pairs: Record<string, number | null>;
  lines: Record<LineName, MissedFigures>;
}

const TABLES = ['trades', 'order_book_deltas', 'tickers'] as const;
/** An event in words, as SQL. */
const TOLD = {
  trades: `concat('trade ', trade_id, ' of ', size, ' at ', price)`,
  order_book_deltas: `concat(side, ' ', price, ' by ', amount)`,
  tickers: `concat('bid ', bid, ', ask ', ask, ', last ', last)`,
} as const;
/** Copies without the venue's time are one row per line, by design. */
const WITH_VENUE_TIME = `quality & ${Quality.withoutVenueTime} = 0`;

function lettersOf(lines: number): string {
  return lineNames.filter((line) => (lines & lineBits[line]) !== 0).join('');
}

/**
 * Compares the lines pairwise by the events of one venue, and explains what each of them missed. What a line missed
 * while it claimed to have everything is a finding: it proves too much.
 */
export async function agreementOf(
  client: ClientBase,
  accountsOf: LineAccounts,
  venue: string,
  span: { readonly from: Micros; readonly to: Micros },
  findings: FindingLog,
): Promise<Agreement> {
  const result: Agreement = {
    events: 0,
    seen_by: {},
    pairs: {},
    lines: Object.fromEntries(
      lineNames.map((line) => [line, { seen: 0, missed_in_gap: 0, missed_late: 0, missed_unnoticed: 0 }]),
    ) as Record<LineName, MissedFigures>,
  };
  const bits = new Map<number, number>();
  for (const table of TABLES) {
    const { rows } = await client.query<{ lines: number; count: string }>(
      `SELECT lines, count(*) AS count FROM ${table}
       WHERE venue = $1 AND exchange_ts >= $2 AND exchange_ts < $3 AND ${WITH_VENUE_TIME} GROUP BY lines`,
      [venue, span.from, span.to],
    );
    for (const { lines, count } of rows) bits.set(lines, (bits.get(lines) ?? 0) + Number(count));
  }
  for (const [lines, count] of [...bits].sort(([left], [right]) => right - left)) {
    result.events += count;
    result.seen_by[lettersOf(lines)] = count;
    for (const line of lineNames) if ((lines & lineBits[line]) !== 0) result.lines[line].seen += count;
  }
  for (const [left, right] of [
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'c'],
  ] as const) {
    const pair = lineBits[left] | lineBits[right];
    let [either, both] = [0, 0];
    for (const [lines, count] of bits) {
      if ((lines & pair) !== 0) either += count;
      if ((lines & pair) === pair) both += count;
    }
    result.pairs[left + right] = either === 0 ? null : both / either;
  }
  await explainMissed(client, accountsOf, venue, span, result, findings);
  return result;
}

async function explainMissed(
  client: ClientBase,
  accountsOf: LineAccounts,
  venue: string,
  span: { readonly from: Micros; readonly to: Micros },
  result: Agreement,
  findings: FindingLog,
): Promise<void> {
  const { accounts, rules } = await accountsOf.of(venue);
  for (const table of TABLES) {
    const rows = rowsOf<{ instrument: string; time: string; lines: number; told: string }>(
      client,
      `SELECT instrument, exchange_ts AS time, lines, ${TOLD[table]} AS told FROM ${table}
       WHERE venue = $1 AND exchange_ts >= $2 AND exchange_ts < $3 AND lines <> 7 AND ${WITH_VENUE_TIME}
       ORDER BY instrument, exchange_ts`,
      [venue, span.from, span.to],
    );
    for await (const { instrument, time, lines, told } of rows) {
      const doubts = await accountsOf.doubts(venue, instrument);
      const at = Number(time) as Micros;
      for (const { line, lives } of accounts) {
        if ((lines & lineBits[line]) !== 0) continue;
        const figures = result.lines[line];
        const last = lives.at(-1);
        if (doubts.lines.get(line)!.some((item) => item.from <= at && endOf(item) > at))
          figures.missed_in_gap++;
        else if (last === undefined || at >= provenUntil(last, venue) - rules.arrivalAllowance)
          figures.missed_late++;
        else {
          figures.missed_unnoticed++;
          findings.add({
            kind: 'missed_undeclared',
            table,
            venue,
            subject: instrument,
            time: at,
            detail: `${told}: seen by ${lettersOf(lines)}; line ${line} says that it had everything then`,
          });
        }
      }
    }
  }
}
