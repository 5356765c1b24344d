import { EXPECTATIONS, MARKET_OVER } from '../../tape/line-account.ts';

/** Stands for the end of what has none, in indexes as in conditions: conditions on an end have to be written like this. */
const NEVER = '9223372036854775807';

const quoted = (words: Iterable<string>): string => [...words].map((word) => `'${word}'`).join(', ');

/** Condition for what ends after a time or not at all, by an index. @param end, time as SQL */
export function endsAfter(end: string, time: string): string {
  return `coalesce(${end}, ${NEVER}) > ${time}`;
}

/** Condition for what ends at a time or later, or not at all, by an index. @param end, time as SQL */
export function endsFrom(end: string, time: string): string {
  return `coalesce(${end}, ${NEVER}) >= ${time}`;
}

/**
 * True where a line said more of an instrument than that its market is over, else null; as SQL. With LIMIT and not with
 * EXISTS, for which the server would rather go through all gaps once.
 *
 * @param venue, instrument as SQL
 */
export function isCaptured(venue: string, instrument: string): string {
  return `(SELECT true FROM gaps AS g WHERE g.venue = ${venue} AND g.instrument = ${instrument}
    AND g.line <> 'tape' AND g.cause <> '${MARKET_OVER}' LIMIT 1)`;
}

/**
 * The gaps of one instrument that bear on what comes after a time: those that end then or later, and those that say when
 * it was expected.
 *
 * @param columns what is wanted of each
 * @param venue, instrument, since as SQL
 */
export function gapsBearingOn(columns: string, venue: string, instrument: string, since: string): string {
  const own = `g.venue = ${venue} AND g.instrument = ${instrument}`;
  const reaching = endsFrom('g.to_ts', since);
  return `SELECT ${columns} FROM gaps AS g WHERE ${own} AND ${reaching}
    UNION ALL
    SELECT ${columns} FROM gaps AS g WHERE ${own} AND ${tellsExpectations('g')} AND NOT ${reaching}`;
}

/** Condition for gaps that say when an instrument was expected, or no longer. @param gaps name of the table */
export function tellsExpectations(gaps: string): string {
  return `${gaps}.line <> 'tape' AND ${gaps}.cause IN (${quoted(EXPECTATIONS)})`;
}

/**
 * Gaps that speak of a span of time. A market that is over leaves a gap without end: it reaches into every span, and
 * says nothing of any but the one in which it begins.
 *
 * @param columns what is wanted of each
 * @param from, to parameters
 * @param which condition that holds of all of them, with `venue = ` some or `venue = ANY`
 */
export function gapsReaching(columns: string, from: string, to: string, which: string): string {
  return `SELECT ${columns} FROM gaps
    WHERE ${which} AND from_ts < ${to} AND ${endsAfter('to_ts', from)}
      AND (line = 'tape' OR to_ts IS NOT NULL OR cause <> '${MARKET_OVER}')
    UNION ALL
    SELECT ${columns} FROM gaps
    WHERE ${which} AND line = ANY ('{a,b,c}') AND from_ts >= ${from} AND from_ts < ${to}
      AND to_ts IS NULL AND cause = '${MARKET_OVER}'`;
}
