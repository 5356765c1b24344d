import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '#src/storage/migrate.ts';
import { TapeMerge } from '#src/storage/production/merge.ts';
import { type LineName, lineBits, lineNames, tapeColumns } from '#src/storage/production/merge-statements.ts';
import { orderBookDeltas } from '#src/storage/tables.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { type PostgresServer, startPostgres } from '../local/postgres/server.ts';
import { databaseRow } from './database-row.ts';
import type { Row, Subject } from './row.ts';
import { sessionCpu } from './session-cpu.ts';

const DAY_MICROS = 86_400_000_000;
/** Rows that a line's writer stores in one transaction. */
const ROWS_PER_TRANSACTION = 5_000;
/** What the merge reads of a line in one run unless it is configured otherwise. */
const ROWS_PER_RUN = 50_000;
const INSTRUMENTS = 400;

const table = orderBookDeltas;
const names = tapeColumns(table).map(({ name }) => name);
const lineOnly = table.columns.filter(({ lineOnly: only }) => only === true).map(({ name }) => name);

interface MergeBenchOptions {
  /** Rows of each line. */
  readonly rows: number;
  readonly repetitions: number;
}

/** Rows `[from, to)` of what happened, without those that this line missed: 2 %, other ones on each line. */
function happened(line: number, from: number, to: number, columns: string): string {
  const day = Math.floor((Date.now() * 1_000) / DAY_MICROS) * DAY_MICROS;
  return `SELECT ${columns} FROM (
    SELECT 'kalshi'::text AS venue, 'KXBENCH-26NOV21-T' || n % ${INSTRUMENTS} AS instrument,
      ${day} + n::bigint * 20000 AS exchange_ts, CASE n % 2 WHEN 0 THEN 'bid' ELSE 'ask' END AS side,
      (1 + n * 7 % 99) * 10000::bigint AS price, ((n % 19) - 9) * 1000000::bigint AS amount, false AS is_absolute,
      NULL::text AS hash, 0 AS hash_key, 0::smallint AS occurrence, 0 AS instant_index,
      ${day} + n::bigint * 20000 + 20000 + ${line} AS received_at, 0::smallint AS quality,
      'kalshi-book-1#1'::text AS connection, 1 AS sid, n::bigint AS seq
    FROM generate_series(${from}, ${to - 1}) AS n WHERE n % 50 <> ${line * 7}
  ) AS happened`;
}

/** Fills the empty database of a line with changes of today, all but those that this line missed. */
export async function fillLine(client: pg.Client, line: number, events: number): Promise<void> {
  await client.query(`SELECT ensure_day_partitions('${table.name}', now_micros(), now_micros())`);
  const columns = [...names, ...lineOnly].join(', ');
  for (let at = 0; at < events; at += ROWS_PER_TRANSACTION) {
    const end = Math.min(events, at + ROWS_PER_TRANSACTION);
    await client.query(`INSERT INTO ${table.name} (${columns}) ${happened(line, at, end, columns)}`);
  }
  await client.query(`VACUUM ANALYZE ${table.name}`);
}

/** The same rows in plain tables beside the peer's target: nothing has to be carried to it. */
async function fillPeer(client: pg.Client, events: number): Promise<void> {
  await client.query(`SELECT ensure_day_partitions('${table.name}', now_micros(), now_micros())`);
  for (const [index, line] of lineNames.entries()) {
    await client.query(
      `CREATE TABLE source_${line} AS ${happened(index, 0, events, `${names.join(', ')}, seq`)};
       CREATE INDEX ON source_${line} (seq)`,
    );
    await client.query(`VACUUM ANALYZE source_${line}`);
  }
}

function peerInsert(lines: readonly LineName[], condition: string): string {
  const sources = lines.map(
    (line) => `SELECT ${names.join(', ')}, ${lineBits[line]}::smallint FROM source_${line} ${condition}`,
  );
  return `INSERT INTO ${table.name} (${names.join(', ')}, lines) ${sources.join(' UNION ALL ')} ON CONFLICT DO NOTHING`;
}

/** One statement over all three lines. */
async function peerAtOnce(client: pg.Client): Promise<void> {
  await client.query(peerInsert(lineNames, ''));
}

/** A statement for each line and batch, as large as the merge reads. */
async function peerInBatches(client: pg.Client, events: number): Promise<void> {
  for (let at = 0; at < events; at += ROWS_PER_RUN) {
    for (const line of lineNames) {
      await client.query(peerInsert([line], `WHERE seq >= ${at} AND seq < ${at + ROWS_PER_RUN}`));
    }
  }
}

/** What some work took, in seconds. */
interface Taken {
  readonly wall: number;
  /** CPU time of this process and of the sessions that worked for it. */
  readonly cpu: number;
}

/** @param sessions tells the CPU time of the work's sessions, in microseconds. */
async function takenBy(work: () => Promise<unknown>, sessions: () => number): Promise<Taken> {
  const begun = performance.now();
  const before = sessions();
  const usage = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(usage);
  return {
    wall: (performance.now() - begun) / 1_000,
    cpu: (user + system + sessions() - before) / 1_000_000,
  };
}

async function countRows(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM ${table.name}`,
  );
  return rows[0]!.count;
}

class MergeBench {
  readonly #server: PostgresServer;
  readonly #clients: pg.Client[] = [];
  readonly #options: MergeBenchOptions;
  readonly #events: number;

  constructor(server: PostgresServer, options: MergeBenchOptions) {
    this.#server = server;
    this.#options = options;
    // Of fifty events each line has forty-nine.
    this.#events = Math.ceil((options.rows * 50) / 49);
  }

  async #open(database: string, set: 'gatherer' | 'production'): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#server.url(database) });
    this.#clients.push(client);
    await client.connect();
    await migrate(client, set);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end().catch(() => {})));
  }

  async run(): Promise<Row[]> {
    const lines = {} as Record<LineName, pg.Client>;
    for (const [index, line] of lineNames.entries()) {
      lines[line] = await this.#open(`line_${line}`, 'gatherer');
      await fillLine(lines[line], index, this.#events);
    }
    const tape = await this.#open('tape', 'production');
    const peer = await this.#open('peer', 'production');
    await fillPeer(peer, this.#events);
    const merge = async (): Promise<void> => {
      await tape.query('DELETE FROM sync_cursors');
      const pass = new TapeMerge({
        production: async () => tape,
        line: async (line) => lines[line],
        clock: () => (Date.now() * 1_000) as Micros,
        newMark: () => randomUUID(),
        rowsPerRun: ROWS_PER_RUN,
        rules: defaultRules,
      });
      let report = await pass.run();
      while (report.behind) report = await pass.run();
      if (Object.keys(report.away).length > 0) throw new Error(JSON.stringify(report.away));
    };
    const times = {
      new: { ours: [], once: [], batches: [] },
      known: { ours: [], once: [], batches: [] },
    } as Record<'new' | 'known', Record<'ours' | 'once' | 'batches', Taken[]>>;
    const cpuOfOurs = await sessionCpu([tape, ...Object.values(lines)]);
    const cpuOfPeer = await sessionCpu([peer]);
    const empty = async (client: pg.Client): Promise<void> => {
      await client.query(`TRUNCATE ${table.name}, coverage, coverage_hours; CHECKPOINT`);
    };
    for (let repetition = 0; repetition < this.#options.repetitions; repetition++) {
      for (const contender of ['ours', 'once', 'batches'] as const) {
        const [client, work, sessions] = {
          ours: [tape, merge, cpuOfOurs] as const,
          once: [peer, () => peerAtOnce(peer), cpuOfPeer] as const,
          batches: [peer, () => peerInBatches(peer, this.#events), cpuOfPeer] as const,
        }[contender];
        await empty(client);
        for (const state of ['new', 'known'] as const) {
          times[state][contender].push(await takenBy(work, sessions));
        }
        const rows = await countRows(client);
        if (rows !== this.#events) throw new Error(`${contender}: ${rows} rows, of ${this.#events}`);
      }
    }
    const read = this.#events * 3 * (49 / 50);
    const words = { new: 'merge of three lines', known: 'merge of three lines, everything already there' };
    const peers = {
      once: 'one INSERT … SELECT … ON CONFLICT over all lines in the same server',
      batches: `INSERT … SELECT … ON CONFLICT in the same server, ${ROWS_PER_RUN} rows a statement`,
    } as const;
    const rows: Row[] = [];
    for (const state of ['new', 'known'] as const) {
      for (const contender of ['once', 'batches'] as const) {
        for (const [kind, how, unit] of [
          ['wall', 'time on the wall', 'rows/s'],
          ['cpu', 'CPU of client and servers', 'rows/s of CPU'],
        ] as const) {
          const rates = (taken: readonly Taken[]): number[] => taken.map((times) => read / times[kind]);
          const described = { name: `${words[state]}, ${how}`, peerName: peers[contender], reach: 0.7, unit };
          rows.push(databaseRow(described, rates(times[state].ours), rates(times[state][contender])));
        }
      }
    }
    return rows;
  }
}

/**
 * The merge of three lines, of which each lacks 2 % of the rows, and once more with everything on the tape, beside
 * the same rows inserted within one server: by one statement, and by statements as large as the merge's runs.
 * Ours also carries the rows between databases, counts coverage and keeps what each line saw.
 */
async function mergeRow(options: MergeBenchOptions): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-merge-'));
  const server = await startPostgres({
    dir: directory,
    databases: [...lineNames.map((line) => `line_${line}`), 'tape', 'peer'],
    settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
  });
  const bench = new MergeBench(server, options);
  try {
    return await bench.run();
  } finally {
    await bench.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const subject: Subject = {
  name: 'merge',
  run: ({ isQuick, rounds }) => mergeRow({ rows: isQuick ? 100_000 : 1_000_000, repetitions: rounds }),
};
