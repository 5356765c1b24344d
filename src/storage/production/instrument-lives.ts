import type { ClientBase } from 'pg';
import type { Interval } from '../../tape/intervals.ts';
import type { Micros } from '../../units/time.ts';
import { endsAfter } from './gaps-in-time.ts';

/**
 * From when and until when the instruments of a venue may have events, as far as is known: `begins` when the first line
 * began to expect it, or when its market opened where that was earlier; `ends` when its market was over, after which no
 * line expected it again, or null. What no line ever expected is not among them.
 *
 * @param venue, instrument parameters, as in `$1`; without an instrument, all of the venue
 */
export function livesStatement(venue: string, instrument?: string): string {
  const which = instrument === undefined ? '' : `AND l.instrument = ${instrument}`;
  return `SELECT l.instrument, least(l.begins, m.open_ts) AS begins, l.ends
    FROM instrument_lives AS l
    LEFT JOIN instruments AS i ON i.venue = l.venue AND i.instrument = l.instrument
    LEFT JOIN markets AS m ON m.venue = i.venue AND m.market = i.market
    WHERE l.venue = ${venue} ${which}`;
}

/** When an instrument may have events; always, where nothing says when it began. */
export async function lifeOf(client: ClientBase, venue: string, instrument: string): Promise<Interval> {
  const { rows } = await client.query<{ begins: string; ends: string | null }>(livesStatement('$1', '$2'), [
    venue,
    instrument,
  ]);
  const [row] = rows;
  const ends = row?.ends ?? null;
  return {
    from: Number(row?.begins ?? 0) as Micros,
    to: ends === null ? null : (Number(ends) as Micros),
  };
}

/** How many instruments may have events in a span, and for how long in it all together, microseconds. */
export async function livingTime(
  client: ClientBase,
  venue: string,
  { from, to }: { readonly from: Micros; readonly to: Micros },
): Promise<{ readonly instruments: number; readonly time: number }> {
  const { rows } = await client.query<{ instruments: number; time: string | null }>(
    `SELECT count(*)::integer AS instruments, sum(least(ends, $3::bigint) - greatest(begins, $2::bigint)) AS time
     FROM (${livesStatement('$1')} AND ${endsAfter('l.ends', '$2')}) AS lives WHERE begins < $3`,
    [venue, from, to],
  );
  return { instruments: rows[0]!.instruments, time: Number(rows[0]!.time ?? 0) };
}
