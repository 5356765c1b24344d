import type { ClientBase } from 'pg';
import { gapsOfAll, gapsOfInstrument, replaceFrom, type TapeGap } from '../../tape/gaps.ts';
import { endOf, type Interval } from '../../tape/intervals.ts';
import {
  type AccountRules,
  beginsOfLives,
  type LineAccount,
  type LineGap,
  type LineLife,
  latestProven,
  MARKET_OVER,
  provenUntil,
  unprovenForAll,
} from '../../tape/line-account.ts';
import type { Micros } from '../../units/time.ts';
import { endsAfter, endsFrom, gapsBearingOn, isCaptured, tellsExpectations } from './gaps-in-time.ts';
import { type LineName, lineNames, stageOf } from './merge-statements.ts';
import { rowsOf } from './row-cursor.ts';

/** Stands for every instrument of a venue. */
export const EVERY_INSTRUMENT = '*';
/** Rows that the merge derives from the heartbeats, beside those that the lines recorded. */
const DOWN = 'down:';
const INSTRUMENTS_AT_ONCE = 5_000;
const ROWS_REPLACED_AT_ONCE = 50_000;

export function gapReadStatement(line: LineName): string {
  return `COPY (
    SELECT gap_id, venue, is_all, instruments, from_ts, to_ts, cause, '${line}'::text
    FROM gaps
    WHERE ingest_xid >= current_setting('merge.from')::xid8 AND ingest_xid < current_setting('merge.to')::xid8
  ) TO STDOUT (FORMAT binary)`;
}

export const gapStageStatement = `CREATE TEMP TABLE IF NOT EXISTS ${stageOf('gaps')} (
    gap_id text, venue text, is_all boolean, instruments text[], from_ts bigint, to_ts bigint, cause text, line text
  ) ON COMMIT DELETE ROWS`;

/** A stretch of time in which something about an instrument changed. */
export interface Touched {
  readonly venue: string;
  readonly instrument: string;
  readonly from: Micros;
}

interface GapRow {
  readonly line: string;
  readonly gap_id: string;
  readonly venue: string;
  readonly instrument: string;
  readonly from_ts: string;
  readonly to_ts: string | null;
  readonly cause: string;
  readonly causes: string[];
}

const micros = (text: string): Micros => Number(text) as Micros;
const microsOrNull = (text: string | null): Micros | null => (text === null ? null : micros(text));

/** Brings openings and closings from the stage to the tape, one row per instrument. */
export async function storeLineGaps(client: ClientBase): Promise<Touched[]> {
  const { rows } = await client.query<{ venue: string; instrument: string; from_ts: string }>(
    `WITH stored AS (
       INSERT INTO gaps AS g (line, gap_id, venue, instrument, from_ts, to_ts, cause)
       SELECT line, gap_id, venue, instrument, min(from_ts), max(to_ts), min(cause)
       FROM ${stageOf('gaps')},
         unnest(CASE WHEN is_all THEN ARRAY['${EVERY_INSTRUMENT}'] ELSE instruments END) AS instrument
       GROUP BY 1, 2, 3, 4
       ON CONFLICT (venue, instrument, line, gap_id) DO UPDATE
       SET from_ts = least(g.from_ts, excluded.from_ts), to_ts = greatest(g.to_ts, excluded.to_ts),
         merged_at = clock_micros()
       WHERE excluded.from_ts < g.from_ts OR greatest(g.to_ts, excluded.to_ts) IS DISTINCT FROM g.to_ts
       RETURNING new.venue, new.instrument, new.from_ts
     )
     SELECT venue, instrument, min(from_ts)::text AS from_ts FROM stored GROUP BY 1, 2`,
  );
  return rows.map((row) => ({ venue: row.venue, instrument: row.instrument, from: micros(row.from_ts) }));
}

/**
 * The present, by this host's clock or by what a line has of the venue's time, whichever is ahead. The horizon goes by
 * the lines' heartbeats alone, so by a host's clock that is behind them a silent line would be neither waited for nor
 * down.
 */
export function latestTime(now: Micros, lives: Iterable<readonly LineLife[]>, venue: string): Micros {
  return Math.max(now, latestProven([...lives].flat(), venue)) as Micros;
}

/** Enters what a line's heartbeats say, new lives behind those that are known. Says nothing less than what is known already. */
export async function storeLives(
  client: ClientBase,
  line: LineName,
  lives: readonly LineLife[],
): Promise<void> {
  await client.query(
    `INSERT INTO line_lives AS l (line, epoch, started_at, durable_until, proven_until)
     SELECT $1, epoch, started_at, durable_until, proven_until
     FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::jsonb[]) WITH ORDINALITY
       AS told (epoch, started_at, durable_until, proven_until, place)
     ORDER BY place
     ON CONFLICT (line, epoch) DO UPDATE
     SET started_at = least(l.started_at, excluded.started_at),
       proven_until = CASE WHEN excluded.durable_until > l.durable_until THEN excluded.proven_until ELSE l.proven_until END,
       durable_until = greatest(l.durable_until, excluded.durable_until), merged_at = clock_micros()
     WHERE excluded.durable_until > l.durable_until OR excluded.started_at < l.started_at`,
    [
      line,
      lives.map(({ epoch }) => epoch),
      lives.map(({ startedAt }) => startedAt),
      lives.map(({ durableUntil }) => durableUntil),
      lives.map((life) => JSON.stringify(life.provenUntil ?? {})),
    ],
  );
}

/**
 * A line's database came back without what it had stored last. What the tape had read of it is safe; from the
 * last heartbeat read until now, the line proves nothing.
 */
export async function storeRestoration(
  client: ClientBase,
  line: LineName,
  mark: string,
  now: Micros,
  heard: readonly (readonly LineLife[])[] = [],
): Promise<Touched[]> {
  const lives = await readLives(client);
  const touched: Touched[] = [];
  for (const venue of await venuesOf(client)) {
    const from = Math.max(0, ...lives.get(line)!.map((life) => provenUntil(life, venue))) as Micros;
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause)
       VALUES ($1, $2, $3, '${EVERY_INSTRUMENT}', $4, $5, 'database_restored') ON CONFLICT DO NOTHING`,
      [line, `${line}:restored:${mark}`, venue, from, latestTime(now, [...lives.values(), ...heard], venue)],
    );
    touched.push({ venue, instrument: EVERY_INSTRUMENT, from });
  }
  return touched;
}

/** The lives of all three lines, each line's in the order in which it lived them. */
export async function readLives(client: ClientBase): Promise<Map<LineName, LineLife[]>> {
  const { rows } = await client.query<{
    line: LineName;
    epoch: string;
    started_at: string;
    durable_until: string;
    proven_until: Record<string, Micros>;
  }>(
    'SELECT line, epoch, started_at::text, durable_until::text, proven_until FROM line_lives ORDER BY heard',
  );
  const lives = new Map<LineName, LineLife[]>(lineNames.map((line) => [line, []]));
  for (const row of rows) {
    lives.get(row.line)?.push({
      epoch: row.epoch,
      startedAt: micros(row.started_at),
      durableUntil: micros(row.durable_until),
      provenUntil: row.proven_until,
    });
  }
  return lives;
}

async function venuesOf(client: ClientBase): Promise<string[]> {
  // One index probe a venue, however many gaps there are.
  const { rows } = await client.query<{ venue: string }>(
    `WITH RECURSIVE venues AS (
       (SELECT venue FROM gaps ORDER BY venue LIMIT 1)
       UNION ALL
       SELECT (SELECT g.venue FROM gaps AS g WHERE g.venue > venues.venue ORDER BY g.venue LIMIT 1)
       FROM venues WHERE venues.venue IS NOT NULL
     )
     SELECT venue FROM venues WHERE venue IS NOT NULL`,
  );
  return rows.map(({ venue }) => venue);
}

/** Makes a set of stored gaps what it should be, writing only what differs. */
async function replaceRows(
  client: ClientBase,
  existing: readonly GapRow[],
  desired: readonly GapRow[],
): Promise<GapRow[]> {
  const key = (row: GapRow): string => `${row.line}\n${row.gap_id}\n${row.venue}\n${row.instrument}`;
  const content = (row: GapRow): string => `${row.from_ts} ${row.to_ts} ${row.cause} ${row.causes.join(' ')}`;
  const known = new Map(existing.map((row) => [key(row), row]));
  const wanted = new Map(desired.map((row) => [key(row), row]));
  const gone = existing.filter((row) => !wanted.has(key(row)));
  const different = desired.filter((row) => {
    const old = known.get(key(row));
    return old === undefined || content(old) !== content(row);
  });
  if (gone.length > 0) {
    await client.query(
      `DELETE FROM gaps USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (line, gap_id, venue, instrument)
       WHERE gaps.venue = gone.venue AND gaps.instrument = gone.instrument AND gaps.line = gone.line
         AND gaps.gap_id = gone.gap_id`,
      [
        gone.map(({ line }) => line),
        gone.map(({ gap_id }) => gap_id),
        gone.map(({ venue }) => venue),
        gone.map(({ instrument }) => instrument),
      ],
    );
  }
  if (different.length > 0) {
    await client.query(
      `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause, causes)
       SELECT line, gap_id, venue, instrument, from_ts, to_ts, cause,
         coalesce(string_to_array(nullif(causes, ''), ' '), '{}')
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
         AS wanted (line, gap_id, venue, instrument, from_ts, to_ts, cause, causes)
       ON CONFLICT (venue, instrument, line, gap_id) DO UPDATE
       SET from_ts = excluded.from_ts, to_ts = excluded.to_ts, cause = excluded.cause, causes = excluded.causes,
         merged_at = clock_micros()`,
      [
        different.map(({ line }) => line),
        different.map(({ gap_id }) => gap_id),
        different.map(({ venue }) => venue),
        different.map(({ instrument }) => instrument),
        different.map(({ from_ts }) => from_ts),
        different.map(({ to_ts }) => to_ts),
        different.map(({ cause }) => cause),
        different.map(({ causes }) => causes.join(' ')),
      ],
    );
  }
  return [...gone, ...different.flatMap((row) => [row, known.get(key(row)) ?? row])];
}

function rowOf(line: string, gapId: string, venue: string, instrument: string, gap: TapeGap): GapRow {
  return {
    line,
    gap_id: gapId,
    venue,
    instrument,
    from_ts: String(gap.from),
    to_ts: gap.to === null ? null : String(gap.to),
    cause: gap.cause,
    causes: [...gap.causes],
  };
}

const tapeRow = (venue: string, instrument: string, gap: TapeGap): GapRow =>
  rowOf('tape', `tape:${gap.from}`, venue, instrument, gap);

/**
 * Keeps the tape's gaps what the lines' gaps and lives make of them. To be called in the transaction that
 * stored those; recomputes only what they touch, and writes only what differs.
 *
 * @param lives those of all lines, as stored.
 * @param touched gaps of lines that are new or changed.
 * @param heard what the lines' heartbeats say by now, beside what the tape has taken over of it.
 * @returns instruments whose gaps of the tape were computed anew, from when on.
 */
export async function recomputeTapeGaps(
  client: ClientBase,
  lives: ReadonlyMap<LineName, readonly LineLife[]>,
  touched: readonly Touched[],
  allowances: AccountRules,
  heard: readonly (readonly LineLife[])[] = [],
): Promise<Touched[]> {
  const recomputed: Touched[] = [];
  for (const venue of await venuesOf(client)) {
    const rules = { ...allowances, now: latestTime(allowances.now, [...lives.values(), ...heard], venue) };
    const all = await client.query<GapRow>(
      `SELECT line, gap_id, venue, instrument, from_ts::text, to_ts::text, cause, causes
       FROM gaps WHERE venue = $1 AND instrument = '${EVERY_INSTRUMENT}'`,
      [venue],
    );
    const accounts = lineNames.map(
      (line): LineAccount => ({
        line,
        venue,
        lives: lives.get(line)!,
        allGaps: all.rows
          .filter((row) => row.line === line && !row.gap_id.startsWith(DOWN))
          .map((row) => ({
            gapId: row.gap_id,
            from: micros(row.from_ts),
            to: microsOrNull(row.to_ts),
            cause: row.cause,
          })),
      }),
    );
    const down = accounts.flatMap((account) =>
      longestOfEach(unprovenForAll({ ...account, allGaps: [] }, rules)).map((gap) =>
        rowOf(account.line, `${DOWN}${gap.from}`, venue, EVERY_INSTRUMENT, { ...gap, causes: [] }),
      ),
    );
    const derived = all.rows.filter((row) => row.line === 'tape' || row.gap_id.startsWith(DOWN));
    const changed = await replaceRows(client, derived, [
      ...down,
      ...gapsOfAll(accounts, rules).map((gap) => tapeRow(venue, EVERY_INSTRUMENT, gap)),
    ]);
    const instruments = new Map<string, Micros>();
    for (const item of touched) {
      if (item.venue === venue && item.instrument !== EVERY_INSTRUMENT)
        instruments.set(item.instrument, earliest(instruments.get(item.instrument), item.from));
    }
    const everything = [
      // A life may begin, by what it says, before the time up to which the one before is taken to have had everything.
      ...changed
        .filter((row) => row.line !== 'tape')
        .map((row) => Math.min(micros(row.from_ts), microsOrNull(row.to_ts) ?? Number.POSITIVE_INFINITY)),
      ...touched
        .filter((item) => item.venue === venue && item.instrument === EVERY_INSTRUMENT)
        .map((item) => item.from),
    ];
    if (everything.length > 0) {
      const since = statedSince(accounts, Math.min(...everything) as Micros);
      // A line proves nothing of an instrument that its present life has not begun to expect, so also one without
      // any gap since then may now lie in a gap of the tape; but none whose market was over before. What no line ever
      // expected has been in such a gap all the time.
      const { rows } = await client.query<{ instrument: string }>(
        `SELECT instrument FROM instrument_lives WHERE venue = $1 AND ${endsAfter('ends', '$2::bigint')}
         UNION SELECT instrument FROM gaps
         WHERE venue = $1 AND instrument <> '${EVERY_INSTRUMENT}' AND line = 'tape' AND ${endsAfter('to_ts', '$2::bigint')}`,
        [venue, since - rules.arrivalAllowance],
      );
      for (const { instrument } of rows) {
        instruments.set(instrument, earliest(instruments.get(instrument), since));
      }
    }
    const reckoned = await recomputeInstruments(client, venue, instruments, accounts, rules);
    for (const [instrument, from] of reckoned) recomputed.push({ venue, instrument, from });
  }
  return recomputed;
}

/**
 * The earliest of a time and of what lives that begin later give as their start: where a clock was set back that may be
 * the first of all, from which on the tape has gaps.
 */
function statedSince(accounts: readonly LineAccount[], since: Micros): Micros {
  const stated = accounts.flatMap((account) => {
    const begins = beginsOfLives(account);
    return account.lives.filter((_, index) => begins[index]! >= since).map(({ startedAt }) => startedAt);
  });
  return Math.min(since, ...stated) as Micros;
}

/** Of those that begin at the same time, the one that lasts longest: lives of a line whose clock is set back may end at one. */
function longestOfEach<Kind extends Interval>(intervals: readonly Kind[]): Kind[] {
  const longest = new Map<number, Kind>();
  for (const interval of intervals) {
    const known = longest.get(interval.from);
    if (known === undefined || endOf(interval) > endOf(known)) longest.set(interval.from, interval);
  }
  return [...longest.values()];
}

function earliest(known: Micros | undefined, other: Micros): Micros {
  return Math.min(known ?? other, other) as Micros;
}

interface BearingGap extends GapRow {
  /** From when on the gaps of its instrument are reckoned. */
  readonly since: string;
  /** A line said more of its instrument than that its market is over. */
  readonly captured: true | null;
}

/**
 * What bears on the gaps of the tape of some instruments from times of their own on. They are reckoned from no later
 * than the beginning of the gap that each has then, so that its causes are whole. Those whose market was said to be over
 * are reckoned from there, because a line that expects one again takes that word back; and from the beginning of time
 * those that are new to the tape, because whatever it holds of lives before them bears on these for the first time.
 *
 * @returns instrument by instrument, in memory of one of them
 */
async function* bearingGaps(
  client: ClientBase,
  venue: string,
  instruments: readonly string[],
  since: readonly Micros[],
): AsyncGenerator<readonly BearingGap[]> {
  const own = 'venue = $1 AND g.instrument = asked.instrument';
  const rows = rowsOf<BearingGap>(
    client,
    // With LIMIT as in `isCaptured`; and of a sum, because the server would look for the least time itself among the gaps
    // of all instruments.
    `SELECT b.line, b.gap_id, b.venue, b.instrument, b.from_ts::text, b.to_ts::text, b.cause, b.causes, s.since::text, captured
     FROM unnest($2::text[], $3::bigint[]) AS asked (instrument, since)
     CROSS JOIN LATERAL (
       SELECT least(asked.since, min(from_ts)) AS since FROM gaps AS g
       WHERE g.${own} AND ${tellsExpectations('g')} AND g.cause = '${MARKET_OVER}'
     ) AS over
     CROSS JOIN LATERAL (
       SELECT ${isCaptured('$1', 'asked.instrument')} AS captured,
         (SELECT true FROM gaps AS g WHERE g.${own} AND g.line = 'tape' LIMIT 1) AS known
       OFFSET 0
     ) AS c
     CROSS JOIN LATERAL (
       SELECT CASE WHEN known THEN least(over.since, min(from_ts + 0)) ELSE 0 END AS since FROM gaps AS g
       WHERE g.${own} AND g.line = 'tape' AND ${endsFrom('g.to_ts', 'over.since')}
     ) AS s
     CROSS JOIN LATERAL (${gapsBearingOn('g.*', '$1', 'asked.instrument', 's.since')}) AS b
     ORDER BY b.instrument, b.from_ts`,
    [venue, instruments, since],
  );
  let bearing: BearingGap[] = [];
  for await (const row of rows) {
    if (bearing.length > 0 && bearing[0]!.instrument !== row.instrument) {
      yield bearing;
      bearing = [];
    }
    bearing.push(row);
  }
  if (bearing.length > 0) yield bearing;
}

/** @returns from when on the gaps of each instrument may be other ones now. */
async function recomputeInstruments(
  client: ClientBase,
  venue: string,
  instruments: ReadonlyMap<string, Micros>,
  accounts: readonly LineAccount[],
  rules: AccountRules,
): Promise<Map<string, Micros>> {
  const names = [...instruments.keys()].sort();
  const reckoned = new Map(instruments);
  for (let start = 0; start < names.length; start += INSTRUMENTS_AT_ONCE) {
    const batch = names.slice(start, start + INSTRUMENTS_AT_ONCE);
    // A gap begins earlier than was recorded by what an event may take to arrive.
    const froms = batch.map((name) => Math.max(0, instruments.get(name)! - rules.arrivalAllowance) as Micros);
    let existing: GapRow[] = [];
    let desired: GapRow[] = [];
    for await (const own of bearingGaps(client, venue, batch, froms)) {
      const { instrument, since: reckonedFrom, captured } = own[0]!;
      const lineGaps = new Map<LineName, LineGap[]>(lineNames.map((line) => [line, []]));
      const before: TapeGap[] = [];
      for (const row of own) {
        const gap = { from: micros(row.from_ts), to: microsOrNull(row.to_ts), cause: row.cause };
        if (row.line === 'tape') {
          existing.push(row);
          before.push({ ...gap, causes: row.causes });
        } else {
          lineGaps.get(row.line as LineName)?.push({ gapId: row.gap_id, ...gap });
        }
      }
      // An instrument of which it is known only that its market is over was never captured: nobody asks for it.
      if (captured === null) continue;
      const since = micros(reckonedFrom);
      // What is new to the tape has nothing before it that could have been settled otherwise.
      if (since > 0) reckoned.set(instrument, earliest(instruments.get(instrument), since));
      const after = gapsOfInstrument(accounts, lineGaps, rules, since);
      for (const gap of replaceFrom(before, after, since)) {
        if (endOf(gap) > gap.from) desired.push(tapeRow(venue, instrument, gap));
      }
      if (existing.length + desired.length < ROWS_REPLACED_AT_ONCE) continue;
      await replaceRows(client, existing, desired);
      [existing, desired] = [[], []];
    }
    await replaceRows(client, existing, desired);
  }
  return reckoned;
}
