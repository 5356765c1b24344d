import type { ClientBase } from 'pg';
import { LONGEST_LATENESS, Quality } from '../../events/captured.ts';
import { type Announcement, placeAnnouncements } from '../../tape/announcements.ts';
import type { Micros } from '../../units/time.ts';
import { type LineName, lineBits, lineNames, receivedBy, stageOf } from './merge-statements.ts';

/** An announcement without a venue time is the same on another line within this many microseconds. */
const SAME_ANNOUNCEMENT = 10_000_000;
const SPANS = { window: SAME_ANNOUNCEMENT, lateness: LONGEST_LATENESS };
/** How far from a copy's time the tape's row of the same announcement may be. */
const REACH = 2 * SAME_ANNOUNCEMENT + LONGEST_LATENESS;
const STAGE = stageOf('market_lifecycle');

interface Content {
  readonly subject: string;
  readonly type: string;
  readonly content_key: number;
}
/** Of a row, from one time on the tape to an earlier one. */
type Move = Content & { readonly from: Micros; readonly to: Micros };
type StagedRow = Content & {
  readonly lines: number;
  readonly received_at: string;
  readonly is_late: boolean;
};
type TapeRow = Content & { readonly at: string; readonly is_late: boolean } & Readonly<
    Record<`received_${LineName}`, string | null>
  >;

const contentOf = ({ subject, type, content_key }: Content): string => `${content_key}\n${type}\n${subject}`;
const isLate = (quality: string): string => `(${quality} & ${Quality.receiveTimeSuspect}) <> 0 AS is_late`;
const micros = (text: string): Micros => Number(text) as Micros;

/**
 * Gives the staged announcements that have no venue time the time of the tape's row that they belong to, and moves
 * such rows to the least time at which a line received them. To be called before the stage is merged.
 */
export async function alignAnnouncements(client: ClientBase): Promise<void> {
  const staged = await client.query<StagedRow>(
    `SELECT subject, type, content_key, lines, received_at::text, ${isLate('quality')} FROM ${STAGE} WHERE exchange_ts IS NULL`,
  );
  if (staged.rows.length === 0) return;
  const onTape = await client.query<TapeRow>(
    `SELECT t.subject, t.type, t.content_key, t.at::text, ${isLate('t.quality')}, ${lineNames.map((line) => `t.${receivedBy(line)}::text`).join(', ')}
     FROM (
       SELECT subject, type, content_key, min(at) AS first, max(at) AS last
       FROM ${STAGE} WHERE exchange_ts IS NULL GROUP BY 1, 2, 3
     ) AS s
     CROSS JOIN LATERAL (
       SELECT * FROM market_lifecycle AS l
       WHERE l.subject = s.subject AND l.type = s.type AND l.content_key = s.content_key AND l.exchange_ts IS NULL
         AND l.at BETWEEN s.first - ${REACH} AND s.last + ${REACH}
     ) AS t`,
  );
  const known = Map.groupBy(onTape.rows, contentOf);
  const copies: (Content & { bit: number; from: Micros; to: Micros })[] = [];
  const rows: Move[] = [];
  for (const [key, same] of Map.groupBy(staged.rows, contentOf)) {
    const { subject, type, content_key } = same[0]!;
    const placed = placeAnnouncements(
      (known.get(key) ?? []).map(announcementOf),
      same.map(({ lines, received_at, is_late }) => ({
        line: lineNames.find((line) => lineBits[line] === lines)!,
        receivedAt: micros(received_at),
        isLate: is_late,
      })),
      SPANS,
    );
    for (const { at, placedAt, copies: own } of placed) {
      if (at !== null && at !== placedAt) rows.push({ subject, type, content_key, from: at, to: placedAt });
      for (const { line, receivedAt } of own) {
        if (receivedAt === placedAt) continue;
        copies.push({ subject, type, content_key, bit: lineBits[line], from: receivedAt, to: placedAt });
      }
    }
  }
  await move(client, STAGE, 'target.lines = moved.bit AND target.received_at = moved.before', copies);
  // A row may move to where another one moves away from; all move to earlier times, so that some can always go first.
  let waiting = rows;
  while (waiting.length > 0) {
    const left = new Set(
      waiting.map(({ subject, type, content_key, from }) => placeOf(subject, type, content_key, from)),
    );
    const isFree = ({ subject, type, content_key, to }: Move): boolean =>
      !left.has(placeOf(subject, type, content_key, to));
    await move(client, 'market_lifecycle', 'target.at = moved.before', waiting.filter(isFree));
    waiting = waiting.filter((row) => !isFree(row));
  }
}

const placeOf = (...place: readonly unknown[]): string => JSON.stringify(place);

function announcementOf(row: TapeRow): Announcement {
  const received = lineNames.flatMap((line) => {
    const time = row[receivedBy(line)];
    return time === null ? [] : [[line, micros(time)] as const];
  });
  return { at: micros(row.at), received: new Map(received), isLate: row.is_late };
}

async function move(
  client: ClientBase,
  table: string,
  condition: string,
  moves: readonly (Content & { bit?: number; from: Micros; to: Micros })[],
): Promise<void> {
  if (moves.length === 0) return;
  await client.query(
    `UPDATE ${table} AS target SET at = moved.after
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::smallint[], $5::bigint[], $6::bigint[])
       AS moved (subject, type, content_key, bit, before, after)
     WHERE target.subject = moved.subject AND target.type = moved.type AND target.content_key = moved.content_key
       AND target.exchange_ts IS NULL AND ${condition}`,
    [
      moves.map(({ subject }) => subject),
      moves.map(({ type }) => type),
      moves.map(({ content_key }) => content_key),
      moves.map(({ bit }) => bit ?? 0),
      moves.map(({ from }) => from),
      moves.map(({ to }) => to),
    ],
  );
}
