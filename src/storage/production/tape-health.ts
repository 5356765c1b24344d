import type { ClientBase } from 'pg';
import { venueNames } from '../../events/event.ts';
import { mergeHorizon } from '../../tape/horizon.ts';
import type { TapeRules } from '../../tape/rules.ts';
import { MICROS_PER_SECOND, type Micros } from '../../units/time.ts';
import { EVERY_INSTRUMENT, readLives } from './gap-merge.ts';
import { endsAfter } from './gaps-in-time.ts';
import { lineBits, lineNames } from './merge-statements.ts';

/** Stretch of settled venue time whose trades are looked at. */
const SAMPLE = 300 * MICROS_PER_SECOND;

/** How the tape of one venue is at the newest settled time. */
export interface VenueHealth {
  readonly venue: string;
  /** Instruments of open markets that no line can vouch for. */
  readonly instrumentsInGap: number;
  /** Whether no line can vouch for the venue as a whole. */
  readonly isInGap: boolean;
  /** Trades of the last five settled minutes; null without any. */
  readonly trades: {
    /** Percentage that every running line saw. */
    readonly agreeing: number;
    /** From venue time to the tape, microseconds. */
    readonly delayP50: number;
    readonly delayP99: number;
  } | null;
}

/** How the tape is now. */
export interface TapeHealth {
  /** Up to which time of every venue every running line is merged; null while no line ever ran. */
  readonly settledUntil: Micros | null;
  /** Lines whose newest heartbeat on the tape is fresh. */
  readonly linesAlive: number;
  readonly venues: readonly VenueHealth[];
}

const gapStatement = `
  SELECT g.venue, count(DISTINCT g.instrument) FILTER (WHERE g.instrument <> '${EVERY_INSTRUMENT}')::integer AS instruments,
    bool_or(g.instrument = '${EVERY_INSTRUMENT}') AS everything
  FROM gaps AS g
  WHERE g.line = 'tape' AND g.venue = ANY ($2) AND g.from_ts <= $1 AND ${endsAfter('g.to_ts', '$1')}
    AND (g.instrument = '${EVERY_INSTRUMENT}' OR EXISTS (
      SELECT FROM instruments AS i JOIN markets AS m USING (venue, market)
      WHERE i.venue = g.venue AND i.instrument = g.instrument AND (m.close_ts IS NULL OR m.close_ts > $1)))
  GROUP BY g.venue`;

const tradeStatement = `
  SELECT venue, 100.0 * count(*) FILTER (WHERE lines & $3::integer = $3::integer) / count(*) AS agreeing,
    percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY merged_at - exchange_ts) AS delays
  FROM trades WHERE exchange_ts >= $1 AND exchange_ts < $2 GROUP BY venue`;

/** Reads how complete and how fresh the tape is. Cheap enough for once a minute. */
export async function tapeHealth(client: ClientBase, now: Micros, rules: TapeRules): Promise<TapeHealth> {
  const lives = await readLives(client);
  const alive = lineNames.filter((line) => {
    const latest = lives.get(line)?.at(-1);
    if (latest === undefined) return false;
    // What it has of the venues' time is as good a sign of life: its own clock may be behind.
    const proven = Math.max(latest.durableUntil, ...Object.values(latest.provenUntil ?? {}));
    return proven >= now - rules.silence;
  });
  const known = await client.query<{ venue: string }>('SELECT DISTINCT venue FROM markets ORDER BY venue');
  const ran = lineNames.map((line) => ({ lives: lives.get(line) ?? [] }));
  const horizons = venueNames.flatMap((venue) => mergeHorizon(ran, rules, venue) ?? []);
  const settledUntil = horizons.length === 0 ? null : (Math.min(...horizons) as Micros);
  if (settledUntil === null) {
    const venues = known.rows.map(({ venue }) => ({
      venue,
      instrumentsInGap: 0,
      isInGap: false,
      trades: null,
    }));
    return { settledUntil, linesAlive: 0, venues };
  }
  const gaps = await client.query<{ venue: string; instruments: number; everything: boolean }>(gapStatement, [
    settledUntil,
    venueNames,
  ]);
  const mask = alive.reduce((bits, line) => bits | lineBits[line], 0);
  const trades = await client.query<{ venue: string; agreeing: string; delays: string[] }>(tradeStatement, [
    settledUntil - SAMPLE,
    settledUntil,
    mask,
  ]);
  const venues = known.rows.map(({ venue }): VenueHealth => {
    const gap = gaps.rows.find((row) => row.venue === venue);
    const seen = trades.rows.find((row) => row.venue === venue);
    return {
      venue,
      instrumentsInGap: gap?.instruments ?? 0,
      isInGap: gap?.everything ?? false,
      trades:
        seen === undefined
          ? null
          : {
              agreeing: Number(seen.agreeing),
              delayP50: Number(seen.delays[0]),
              delayP99: Number(seen.delays[1]),
            },
    };
  });
  return { settledUntil, linesAlive: alive.length, venues };
}
