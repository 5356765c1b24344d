import type { ClientBase } from 'pg';
import type { CapturedEvent } from '../events/captured.ts';
import { type GapCause, type GapEvent, type Venue, venueNames } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { lostWith } from './lost-scope.ts';
import type { MissingRecords } from './record-chain.ts';
import type { RefusedLine } from './stream-records.ts';

type GapLine = GapEvent & CapturedEvent;

/** Receive times and venue times of what was lost may differ from those around it. */
const MARGIN_MICROS = 60_000_000;

/** What the line's database knows of the life that it is being told of. */
interface KnownLife {
  readonly startedAt: number;
  readonly now: number;
  /** The last heartbeat that is stored of each lane, by number. */
  readonly lanes: ReadonlyMap<number, LaneHeartbeat>;
}

/** As in `HeartbeatRecord`: a time of the line's clock, and what it was by those of the venues. */
interface LaneHeartbeat {
  readonly durable_until: number;
  readonly proven_until: Readonly<Partial<Record<Venue, number>>>;
}

async function readLife(client: ClientBase): Promise<KnownLife> {
  const { rows } = await client.query<{
    started_at: string | null;
    now: string;
    lanes: Record<string, LaneHeartbeat>;
  }>(
    `SELECT (SELECT started_at::text FROM heartbeats ORDER BY durable_until DESC LIMIT 1) AS started_at,
       clock_micros()::text AS now,
       (SELECT coalesce(jsonb_object_agg(lane, jsonb_build_object(
            'durable_until', durable_until, 'proven_until', proven_until)), '{}')
        FROM (SELECT DISTINCT ON (lane) lane, durable_until, proven_until
              FROM heartbeats ORDER BY lane, durable_until DESC) AS lanes) AS lanes`,
  );
  const { started_at, now, lanes } = rows[0]!;
  return {
    startedAt: Number(started_at ?? 0),
    now: Number(now),
    lanes: new Map(Object.entries(lanes).map(([lane, heartbeat]) => [Number(lane), heartbeat])),
  };
}

function gap(
  venue: Venue,
  gap_id: string,
  instruments: readonly string[] | null,
  bounds: { readonly from: number; readonly to: number | null },
  cause: GapCause,
): GapLine {
  const { from, to } = bounds;
  return {
    kind: 'gap',
    venue,
    gap_id,
    ...(instruments === null ? { all: true } : { instruments }),
    from: from as Micros,
    to: to as Micros | null,
    cause,
    received_at: (to ?? from) as Micros,
    gatherer: 'a',
    connection: '',
    sid: 0,
    seq: 0,
    quality: 0,
  };
}

/**
 * All of the life that is being told of: what was lost may have been a gap that began at any time in it and that
 * nobody closes. Two gaps, because the database may not know the life yet: one until now, and one from now until
 * the next life begins.
 */
function wholeLife(
  venue: Venue,
  id: string,
  instruments: readonly string[] | null,
  life: KnownLife,
  at: number,
  cause: GapCause,
): GapLine[] {
  return [
    gap(venue, `${id}/${venue}`, instruments, { from: Math.min(life.startedAt, at), to: at }, cause),
    gap(venue, `${id}/${venue}/on`, instruments, { from: at, to: null }, cause),
  ];
}

function gapsOfRefused({ record, number, bytes }: RefusedLine, life: KnownLife): GapLine[] {
  const scope = lostWith(bytes);
  if (scope === null) return [];
  // No life is called so: the gap is not taken for one with which a life begins.
  const id = `writer:not-stored:${record.shard}/${record.sequenceNumber}/${number}`;
  return scope.venues.flatMap((venue) =>
    scope.bounds === null
      ? wholeLife(venue, id, scope.instruments, life, life.now, 'not_stored')
      : [
          gap(
            venue,
            scope.venues.length === 1 ? (scope.gapId ?? id) : `${id}/${venue}`,
            scope.instruments,
            scope.bounds,
            'not_stored',
          ),
        ],
  );
}

function gapsOfMissing({ record, end, mayHoldGaps }: MissingRecords, life: KnownLife): GapLine[] {
  const id = `writer:not-delivered:${record.stream}/${record.partitionKey}/${end.order}`;
  const lane = Number(/^lane-(\d+)$/.exec(record.partitionKey)?.[1] ?? Number.NaN);
  return venueNames.flatMap((venue) =>
    mayHoldGaps
      ? wholeLife(venue, id, null, life, end.sealed_at, 'not_delivered')
      : [
          gap(
            venue,
            `${id}/${venue}`,
            null,
            boundsOfMissing(venue, end.sealed_at, life.lanes.get(lane)),
            'not_delivered',
          ),
        ],
  );
}

/**
 * Venue times between which records of a lane never came. A heartbeat that is stored came before them: they were
 * received after it. How the venue's clock stands to the line's, which may be wrong by any amount, it says as well.
 */
function boundsOfMissing(
  venue: Venue,
  sealedAt: number,
  before: LaneHeartbeat | undefined,
): { readonly from: number; readonly to: number } {
  const durable = before?.durable_until ?? 0;
  const proven = before?.proven_until[venue] ?? durable;
  return {
    from: Math.max(0, Math.min(durable, proven) - MARGIN_MICROS),
    to: Math.max(sealedAt, sealedAt + proven - durable) + MARGIN_MICROS,
  };
}

/** Gaps for what a line's stream had and its database has not: lines put aside, and records that never came. */
export async function gapsOfLosses(
  client: ClientBase,
  refused: readonly RefusedLine[],
  missing: readonly MissingRecords[],
): Promise<GapLine[]> {
  const life = await readLife(client);
  return [
    ...refused.flatMap((line) => gapsOfRefused(line, life)),
    ...missing.flatMap((records) => gapsOfMissing(records, life)),
  ];
}
