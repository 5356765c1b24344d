import { randomUUID } from 'node:crypto';
import type { Client, ClientBase } from 'pg';
import { type MergeReport, TapeMerge } from '#src/storage/production/merge.ts';
import { type LineName, lineBits, lineNames, tapeColumns } from '#src/storage/production/merge-statements.ts';
import { Session } from '#src/storage/production/session.ts';
import { type EventTable, eventTables } from '#src/storage/tables.ts';
import { defaultRules, type TapeRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import type { TestDatabase, TestDatabases } from '../storage/database.ts';

export type Row = Record<string, unknown>;

/** A day in 2026, so that partitions are made. */
export const T0 = 1_795_187_045_000_000;

/** Three lines and the tape, each a database of its own. */
export interface World {
  readonly production: Client;
  readonly productionDatabase: TestDatabase;
  readonly databases: Record<LineName, TestDatabase>;
  readonly sessions: Record<LineName, Client>;
  /** The sessions that merges read through. */
  readonly readers: Record<LineName, Session>;
  /** Lines whose database does not answer. */
  readonly away: Set<LineName>;
  now: Micros;
  merge(options?: { rowsPerRun?: number; production?: ClientBase; rules?: TapeRules }): TapeMerge;
}

export async function world(databases: TestDatabases): Promise<World> {
  const productionDatabase = await databases.fresh('production');
  const lines = {} as Record<LineName, TestDatabase>;
  const sessions = {} as Record<LineName, Client>;
  for (const line of lineNames) {
    lines[line] = await databases.fresh('gatherer');
    sessions[line] = await lines[line].connect();
  }
  const production = await productionDatabase.connect();
  const away = new Set<LineName>();
  const readers = {} as Record<LineName, Session>;
  for (const line of lineNames) {
    readers[line] = new Session(() => lines[line].connect());
  }
  const made: World = {
    production,
    productionDatabase,
    databases: lines,
    sessions,
    readers,
    away,
    now: (T0 + 60_000_000) as Micros,
    merge: (options = {}) =>
      new TapeMerge({
        production: async () => options.production ?? production,
        line: async (line) => {
          if (away.has(line)) throw new Error('connection refused');
          return await readers[line].client();
        },
        clock: () => made.now,
        newMark: () => randomUUID(),
        rowsPerRun: options.rowsPerRun ?? 10_000,
        rules: options.rules ?? defaultRules,
      }),
  };
  return made;
}

/** Empties lines and tape: cheaper than new databases. */
export async function reset({ production, sessions }: World): Promise<void> {
  const events = eventTables.map(({ name }) => `DELETE FROM ${name}`).join('; ');
  await production.query(
    `${events}; DELETE FROM coverage; DELETE FROM coverage_hours; DELETE FROM gaps; DELETE FROM line_lives; DELETE FROM sync_cursors`,
  );
  for (const line of lineNames) {
    await sessions[line].query(
      `${events}; DELETE FROM gaps; DELETE FROM heartbeats; DELETE FROM merge_marks`,
    );
  }
}

/** Stores rows in a line as its writer does: what is there already stays. */
export async function store(client: ClientBase, table: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]!);
  await client.query(
    `INSERT INTO ${table} (${columns.join(', ')})
     SELECT ${columns.join(', ')} FROM jsonb_populate_recordset(NULL::${table}, $1) ON CONFLICT DO NOTHING`,
    [JSON.stringify(rows)],
  );
}

export async function runUntilDone(merge: TapeMerge): Promise<MergeReport[]> {
  const reports: MergeReport[] = [];
  do reports.push(await merge.run());
  while (reports.at(-1)!.behind);
  return reports;
}

/** All rows of a table on the tape, as texts that compare. */
export async function tapeRows(client: ClientBase, table: EventTable): Promise<string[]> {
  const names = [...tapeColumns(table).map(({ name }) => name), 'lines'];
  const { rows } = await client.query<{ row: string }>(
    `SELECT jsonb_build_array(${names.join(', ')})::text AS row FROM ${table.name} ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}

/** What the tape is to be, reckoned plainly: one row per identity with folds over all copies. */
export function plainUnion(table: EventTable, stored: Readonly<Record<LineName, readonly Row[]>>): string[] {
  const columns = tapeColumns(table).map(({ name }) => name);
  const union = new Map<string, Row>();
  for (const line of lineNames) {
    for (const row of stored[line]) {
      const key = table.unique.map((name) => row[name]).join('|');
      const known = union.get(key);
      if (known === undefined) {
        union.set(key, { ...row, lines: lineBits[line] });
        continue;
      }
      known['lines'] = (known['lines'] as number) | lineBits[line];
      for (const [name, fold] of Object.entries(table.fold)) {
        const [left, right] = [known[name] as number, row[name] as number];
        known[name] = {
          least: Math.min(left, right),
          greatest: Math.max(left, right),
          bit_or: left | right,
          bit_and: left & right,
        }[fold];
      }
    }
  }
  return [...union.values()].map((row) =>
    JSON.stringify([...columns, 'lines'].map((name) => row[name] ?? null)),
  );
}

/** Texts as PostgreSQL writes JSON differ in spaces from those of JavaScript. */
export const comparable = (rows: readonly string[]): string[] =>
  rows.map((row) => JSON.stringify(JSON.parse(row))).sort();

const provenance = { received_at: T0 + 50_000, quality: 0, connection: 'book-1#1', sid: 1, seq: 1 };

export const delta = (more: Row = {}): Row => ({
  venue: 'kalshi',
  instrument: 'K1',
  exchange_ts: T0,
  side: 'bid',
  price: 400_000,
  amount: 5_000_000,
  is_absolute: false,
  hash: null,
  hash_key: 0,
  occurrence: 0,
  instant_index: 0,
  ...provenance,
  ...more,
});
export const trade = (more: Row = {}): Row => ({
  venue: 'kalshi',
  instrument: 'K1',
  trade_id: 't1',
  exchange_ts: T0,
  price: 400_000,
  size: 1_000_000,
  taker_side: 'buy',
  is_block: false,
  ...provenance,
  ...more,
});
export const ticker = (more: Row = {}): Row => ({
  venue: 'kalshi',
  instrument: 'K1',
  exchange_ts: T0,
  bid: 400_000,
  ask: null,
  bid_size: null,
  ask_size: null,
  last: null,
  volume: null,
  open_interest: null,
  content_key: 77,
  ...provenance,
  ...more,
});
export const snapshot = (more: Row = {}): Row => ({
  venue: 'kalshi',
  instrument: 'K1',
  snapshot_ts: T0,
  source: 'engine',
  exchange_ts: null,
  bids: [400_000, 5_000_000],
  asks: [],
  depth: null,
  hash: null,
  hash_key: 5,
  instant_index: 0,
  ...provenance,
  ...more,
});
export const lifecycle = (more: Row = {}): Row => ({
  venue: 'kalshi',
  subject: 'K1',
  is_event: false,
  instruments: ['K1'],
  type: 'determined',
  status: 'determined',
  details: { result: 'yes' },
  at: T0,
  exchange_ts: null,
  content_key: 9,
  ...provenance,
  ...more,
});
export const metrics = (more: Row = {}): Row => ({
  venue: 'kalshi',
  instrument: 'K1',
  at: T0,
  bid: 1,
  ask: 2,
  mid_twice: 3,
  spread: 1,
  bid_depth: 1,
  ask_depth: 1,
  bid_depth_near: 1,
  ask_depth_near: 1,
  bid_levels: 1,
  ask_levels: 1,
  crossed: false,
  ...more,
});
export const gapRow = (id: string, from: number, to: number | null, more: Row = {}): Row => ({
  gap_id: id,
  content_key: (from * 31 + (to ?? 7)) % 1_000_000_007,
  venue: 'kalshi',
  is_all: false,
  instruments: ['K1'],
  from_ts: from,
  to_ts: to,
  cause: 'startup',
  received_at: from,
  connection: '',
  sid: 0,
  seq: 0,
  ...more,
});
export async function heartbeat(
  client: ClientBase,
  gatherer: LineName,
  epoch: string,
  startedAt: number,
  durableUntil: number,
  lane = 0,
  lanes = 1,
  provenUntil: Readonly<Record<string, number>> = {},
): Promise<void> {
  await client.query(
    `INSERT INTO heartbeats (gatherer, epoch, lane, lanes, started_at, durable_until, proven_until) VALUES ($1, $2, $5, $6, $3, $4, $7)
     ON CONFLICT (gatherer, epoch, lane) DO UPDATE SET durable_until = excluded.durable_until, proven_until = excluded.proven_until, ingest_xid = pg_current_xact_id()`,
    [gatherer, epoch, startedAt, durableUntil, lane, lanes, JSON.stringify(provenUntil)],
  );
}
