import type { ClientBase } from 'pg';
import type { CapturedEvent } from '../events/captured.ts';
import { type GapCause, type GapEvent, type Venue, venueNames } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import { lostWith } from './lost-scope.ts';
import type { DeliveredEnd, MissingRecords, RecordChain } from './record-chain.ts';
import { factsOf, type RecordFacts } from './record-facts.ts';
import type { RefusedLine } from './stream-records.ts';

type GapLine = GapEvent & CapturedEvent;

/** Receive times and venue times of what was lost may differ from those around it. */
const MARGIN_MICROS = 60_000_000;

/** What the line's database knows of a life of the line. */
interface KnownLife {
  readonly epoch: string;
  readonly startedAt: number;
  /** The last heartbeat that is stored of each lane, by number. */
  readonly lanes: ReadonlyMap<number, LaneHeartbeat>;
}

/** As in `HeartbeatRecord`: a time of the line's clock, and what it was by those of the venues. */
interface LaneHeartbeat {
  readonly durable_until: number;
  readonly proven_until: Readonly<Partial<Record<Venue, number>>>;
}

const UNKNOWN_LIFE: KnownLife = { epoch: '', startedAt: 0, lanes: new Map() };

/** Lives as the database has heard of them. */
class KnownLives {
  readonly now: number;
  readonly #lives: ReadonlyMap<string, KnownLife>;
  readonly #latest: KnownLife;

  constructor(now: number, lives: readonly KnownLife[]) {
    this.now = now;
    this.#lives = new Map(lives.map((life) => [life.epoch, life]));
    this.#latest = lives.at(-1) ?? UNKNOWN_LIFE;
  }

  /** The life of this name, or while none is known by it, the latest. */
  of(epoch: string): KnownLife {
    return this.#lives.get(epoch) ?? this.#latest;
  }
}

/** @param epochs lives to read beside the latest. */
async function readLives(client: ClientBase, epochs: readonly string[]): Promise<KnownLives> {
  const { rows } = await client.query<{
    now: string;
    epoch: string | null;
    started_at: string;
    lanes: Record<string, LaneHeartbeat>;
  }>(
    `SELECT clock_micros()::text AS now, epoch, min(started_at)::text AS started_at,
       jsonb_object_agg(lane, jsonb_build_object('durable_until', durable_until, 'proven_until', proven_until))
         FILTER (WHERE lane IS NOT NULL) AS lanes
     FROM (VALUES (1)) AS once (one)
     LEFT JOIN heartbeats ON epoch = ANY ($1) OR epoch = (SELECT epoch FROM heartbeats ORDER BY heard DESC LIMIT 1)
     GROUP BY epoch ORDER BY min(heard)`,
    [epochs],
  );
  const lives = rows.flatMap(({ epoch, started_at, lanes }) => {
    if (epoch === null) return [];
    const byNumber = Object.entries(lanes).map(([lane, heartbeat]) => [Number(lane), heartbeat] as const);
    return [{ epoch, startedAt: Number(started_at), lanes: new Map(byNumber) }];
  });
  return new KnownLives(Number(rows[0]!.now), lives);
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

function gapsOfRefused(
  { record, number, bytes }: RefusedLine,
  facts: RecordFacts,
  lives: KnownLives,
  isChained: boolean,
): GapLine[] {
  const scope = lostWith(bytes, facts);
  if (scope === null) return [];
  // If this was a record of the gatherer, the next one will name it as the one before and find it missing; if not,
  // nothing was lost with it.
  if (facts.end === null && isChained && (scope.bounds === null || scope.instruments === null)) return [];
  const epoch = facts.end?.epoch ?? '';
  const id = `writer:${epoch}:not-stored/${record.shard}/${record.sequenceNumber}/${number}`;
  return scope.venues.flatMap((venue) =>
    scope.bounds === null
      ? wholeLife(venue, id, scope.instruments, lives.of(epoch), lives.now, 'not_stored')
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

function gapsOfMissing({ record, end, mayHoldGaps, events }: MissingRecords, lives: KnownLives): GapLine[] {
  // Neither a gap nor an event: heartbeats and the like, of which others come.
  if (!mayHoldGaps && events === null) return [];
  const id = `writer:${end.epoch}:not-delivered/${record.stream}/${record.partitionKey}/${end.order}`;
  const lane = Number(/^lane-(\d+)$/.exec(record.partitionKey)?.[1] ?? Number.NaN);
  const life = lives.of(end.epoch);
  return venueNames.flatMap((venue) => {
    if (mayHoldGaps) return wholeLife(venue, id, null, life, end.sealed_at, 'not_delivered');
    const bounds = events
      ? { from: events[0], to: events[1] + 1 }
      : boundsOfMissing(venue, end.sealed_at, life.lanes.get(lane));
    return [gap(venue, `${id}/${venue}`, null, bounds, 'not_delivered')];
  });
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
  chain: RecordChain,
  refused: readonly RefusedLine[],
  missing: readonly MissingRecords[],
): Promise<GapLine[]> {
  const facts = new Map(refused.map(({ record }) => [record, factsOf(record)]));
  const epochs = [...facts.values(), ...missing].flatMap(({ end }) => (end === null ? [] : [end.epoch]));
  const lives = await readLives(client, epochs);
  return [
    ...refused.flatMap((line) =>
      gapsOfRefused(line, facts.get(line.record)!, lives, chain.isChained(line.record)),
    ),
    ...missing.flatMap((records) => gapsOfMissing(records, lives)),
  ];
}

/**
 * Records that went in several parts, because the stream found them too large, of which one may not be stored: parts
 * but the last say nothing of where they end, so that any record put aside before it may be one.
 */
export async function partsInDoubt(
  client: ClientBase,
  chain: RecordChain,
  ends: readonly DeliveredEnd[],
  refused: readonly RefusedLine[],
): Promise<MissingRecords[]> {
  const result: MissingRecords[] = [];
  for (const delivered of ends) {
    const { record, end } = delivered;
    if (!end.split || chain.isStored(delivered)) continue;
    const { rows } = await client.query<{ found: boolean }>(
      `SELECT EXISTS (
         SELECT FROM poison_records AS p WHERE p.stream = $1 AND p.partition_key = $2 AND p.received_at >= coalesce(
           (SELECT max(stored_at) FROM stream_positions AS s WHERE s.stream = $1 AND s.partition_key = $2), 0)
       ) AS found`,
      [record.stream, record.partitionKey],
    );
    const isPut = refused.some(
      ({ record: other }) => other.stream === record.stream && other.partitionKey === record.partitionKey,
    );
    if (rows[0]!.found || isPut) result.push({ record, end, after: end.previous, mayHoldGaps: true });
  }
  return result;
}
