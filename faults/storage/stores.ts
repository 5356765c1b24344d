import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { ClientBase } from 'pg';
import { openSession } from '#src/storage/connection.ts';
import { type MergeReport, TapeMerge } from '#src/storage/production/merge.ts';
import { Session } from '#src/storage/production/session.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { systemClock } from '#src/units/time.ts';
import { Writer } from '../../lambdas/writer/writer.ts';
import { migrateDatabase } from '../../local/postgres/migrate-database.ts';
import { type PostgresServer, startPostgres } from '../../local/postgres/server.ts';
import { checkTruth } from '../../local/run/truth-check.ts';
import { type FaultOutcome, require } from '../fault.ts';
import { LINES, type Line } from '../live/live-run.ts';
import type { Corpus, Delivery } from './corpus.ts';

const BATCH = 12;
/** Deliveries that fail come again; more often than this, something is broken for good. */
const MOST_ATTEMPTS = 20;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** The deliveries of a line, those of its shards by turns, as the writer gets them. */
export function deliveries(shards: readonly Delivery[], size = BATCH): Delivery[] {
  const queues = shards.map((records) =>
    Array.from({ length: Math.ceil(records.length / size) }, (_, index) =>
      records.slice(index * size, (index + 1) * size),
    ),
  );
  const taken: Delivery[] = [];
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn++) {
    for (const queue of queues) if (turn < queue.length) taken.push(queue[turn]!);
  }
  return taken;
}

/** The databases of three lines and the tape's, with the writers and the merge that are deployed. */
export class Stores {
  readonly #server: PostgresServer;
  readonly #folder: string;
  readonly #sessions: Record<Line, Session>;

  private constructor(server: PostgresServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
    const session = (line: Line): Session => new Session(() => this.open(`line_${line}`));
    this.#sessions = { a: session('a'), b: session('b'), c: session('c') };
  }

  static async open(): Promise<Stores> {
    const folder = mkdtempSync(join(tmpdir(), 'tape-stores-'));
    const lines = LINES.map((line) => `line_${line}`);
    const server = await startPostgres({
      dir: join(folder, 'postgres'),
      databases: [...lines, 'production'],
      durable: false,
    });
    const stores = new Stores(server, folder);
    for (const name of lines) await migrateDatabase(server.url(name), 'gatherer');
    await migrateDatabase(server.url('production'), 'production');
    return stores;
  }

  async open(database: string): Promise<pg.Client> {
    const client = await openSession({ connectionString: this.#server.url(database) });
    client.on('error', () => {});
    return client;
  }

  /** @param wrap stands between the writer and its session. */
  writer(line: Line, wrap: (client: pg.Client) => pg.Client = (client) => client): Writer {
    return new Writer({ connect: async () => wrap(await this.open(`line_${line}`)), log: silent });
  }

  /** As the event source does: what failed comes again, until it is stored. @returns how often it had to */
  async deliver(writer: Writer, records: Delivery): Promise<number> {
    let left = records;
    for (let failures = 0; ; failures++) {
      require(failures < MOST_ATTEMPTS, `a delivery failed ${MOST_ATTEMPTS} times`);
      const { batchItemFailures } = await writer.write({ Records: left });
      const first = batchItemFailures[0]?.itemIdentifier;
      if (first === undefined) return failures;
      left = left.slice(left.findIndex(({ kinesis }) => kinesis.sequenceNumber === first));
    }
  }

  merge(production: ClientBase, rowsPerRun = 2_000): TapeMerge {
    return new TapeMerge({
      production: async () => production,
      line: (line) => this.#sessions[line].client(),
      clock: systemClock(),
      newMark: () => randomUUID(),
      rowsPerRun,
      rules: defaultRules,
    });
  }

  async mergeAll(production: ClientBase): Promise<void> {
    const merge = this.merge(production);
    let report: MergeReport;
    do {
      report = await merge.run();
      require(Object.keys(report.away).length === 0, `lines are away: ${JSON.stringify(report.away)}`);
    } while (report.behind || report.skipped !== null);
    // Heartbeats count once every event below them is read.
    await merge.run();
  }

  async compare(
    { truthFile, configuration }: Corpus,
    production: ClientBase,
    note: (text: string) => void,
  ): Promise<FaultOutcome> {
    const { events, books } = await checkTruth(production, {
      truthFile,
      scratch: join(this.#folder, 'scratch'),
      configuration,
    });
    for (const { verdict, identity, time } of events.examples) note(`${verdict}: ${identity} at ${time}`);
    require(events.on_tape > 0 &&
      books.books_compared >
        0, `nothing can be compared: ${events.on_tape} of ${events.events} events on the tape, ${events.in_gaps} in gaps, ${events.after_horizon} after its horizon; ${books.books_compared} books certain, ${books.books_incomplete} not`);
    const { rows } = await production.query<{ gaps: string }>(
      "SELECT count(*) AS gaps FROM gaps WHERE line = 'tape' AND from_ts > 0 AND to_ts IS NOT NULL",
    );
    return {
      events: events.events,
      missing: events.missing,
      extra: events.extra,
      books_wrong: books.books_wrong,
      declared_gaps: Number(rows[0]!.gaps),
      undeclared_gaps: events.undeclared,
      recover_s: 0,
    };
  }

  async close(): Promise<void> {
    for (const line of LINES) await this.#sessions[line].end();
    await this.#server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
