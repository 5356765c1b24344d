import type { Client, ClientBase } from 'pg';
import { eventTables } from '#src/storage/tables.ts';
import { type Fault, type FaultOutcome, require } from '../fault.ts';
import { LINES } from '../live/live-run.ts';
import { type Corpus, corpus, type Delivery } from './corpus.ts';
import { deliveries, Stores } from './stores.ts';

/** A row that is run on what a run handed over, with nothing else running. */
function stored(
  row: number,
  name: string,
  about: string,
  work: (stores: Stores, recorded: Corpus, production: Client) => Promise<number>,
): Fault {
  const run = async (note: (text: string) => void, seed: number): Promise<FaultOutcome> => {
    const recorded = await corpus(note, seed);
    const stores = await Stores.open();
    try {
      const production = await stores.open('production');
      const recover_s = await work(stores, recorded, production);
      const outcome = await stores.compare(recorded, production, note);
      await production.end();
      return { ...outcome, recover_s };
    } finally {
      await stores.close();
    }
  };
  return { row, name, about, run };
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;

/** The session, seen by somebody who is told of every statement before it goes out. */
function watched<T extends ClientBase>(client: T, before: (statement: string) => unknown): T {
  return new Proxy(client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property !== 'query') return value.bind(target);
      return (...parameters: unknown[]) => {
        const statement = typeof parameters[0] === 'string' ? parameters[0] : '';
        const waiting = before(statement);
        const go = (): unknown => value.apply(target, parameters);
        return waiting instanceof Promise ? waiting.then(go) : go();
      };
    },
  });
}

/** Lanes whose heartbeats are in a delivery. */
function lanesOf(records: Delivery): number[] {
  const lines = records.flatMap(({ kinesis }) =>
    Buffer.from(kinesis.data, 'base64').toString('utf8').trimEnd().split('\n'),
  );
  return lines
    .map((line) => JSON.parse(line) as { kind: string; lane: number })
    .flatMap(({ kind, lane }) => (kind === 'heartbeat' ? [lane] : []));
}

/** @throws FaultFailed unless the tape has as many of all events as the one line that was merged. */
async function requireAllMerged(stores: Stores, production: ClientBase): Promise<void> {
  const line = await stores.open('line_a');
  for (const { name } of eventTables) {
    const statement = `SELECT count(*) AS count FROM ${name}`;
    const [{ count: stored }, { count: merged }] = [
      (await line.query<{ count: string }>(statement)).rows[0]!,
      (await production.query<{ count: string }>(statement)).rows[0]!,
    ];
    require(merged === stored, `${name}: ${merged} of ${stored} rows of the line are on the tape`);
  }
  await line.end();
}

const shardOf = (records: Delivery): string => records[0]!.eventID.split(':', 1)[0]!;

/**
 * Neighbours change places, now and then. Those of one shard keep their order, as the event source keeps it: records
 * that overtake others of their shard are ones that never came, and are to be declared as such.
 *
 * @throws FaultFailed when hardly any could change places
 */
function outOfOrder(items: readonly Delivery[]): Delivery[] {
  const changed = [...items];
  let swapped = 0;
  for (let index = 3; index + 1 < changed.length; index += 4) {
    const [left, right] = [changed[index]!, changed[index + 1]!];
    if (shardOf(left) === shardOf(right)) continue;
    [changed[index], changed[index + 1]] = [right, left];
    swapped++;
  }
  require(swapped > 5, `only ${swapped} deliveries overtook another`);
  return changed;
}

/** What befalls deliveries, transactions and merges, one statement at a time. */
export const storageFaults: readonly Fault[] = [
  stored(
    20,
    'deliveries-cut-repeated-and-reordered',
    'the writer loses its session in the middle of every third delivery; deliveries come twice, and out of order',
    async (stores, recorded, production) => {
      const admin = await stores.open('postgres');
      let cuts = 0;
      let isDue = false;
      for (const line of LINES) {
        const writer = stores.writer(line, (client) =>
          watched(client, () => {
            if (!isDue) return;
            isDue = false;
            // It comes while the statement is under way, or soon after.
            void admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
              `line_${line}`,
            ]);
          }),
        );
        for (const [index, records] of outOfOrder(deliveries(recorded.lines[line])).entries()) {
          isDue = index % 3 === 1;
          cuts += await stores.deliver(writer, records);
          if (index % 2 === 0) cuts += await stores.deliver(writer, records);
        }
        isDue = false;
        await writer.close();
      }
      await admin.end();
      require(cuts > 5, `only ${cuts} deliveries were cut`);
      const since = performance.now();
      await stores.mergeAll(production);
      return seconds(since);
    },
  ),
  stored(
    22,
    'merge-killed-between-statements',
    'a merge is killed before its first statement, the next before its second, and so on',
    async (stores, recorded, production) => {
      const writers = LINES.map((line) => stores.writer(line));
      const waiting = LINES.map((line) => deliveries(recorded.lines[line]));
      const most = Math.max(...waiting.map((queue) => queue.length));
      const next = async (share: number): Promise<void> => {
        for (const [index, writer] of writers.entries()) {
          const queue = waiting[index]!;
          const count = Math.ceil((share * queue.length) / Math.max(1, most));
          for (const records of queue.splice(0, Math.max(1, count))) await stores.deliver(writer, records);
        }
      };
      let killed = 0;
      for (let allowed = 0; ; allowed++) {
        await next(1);
        const session = await stores.open('production');
        let left = allowed;
        let isCut = false;
        const client = watched(session, () => {
          if (left-- > 0) return;
          isCut = true;
          void session.end().catch(() => {});
          throw new Error('killed');
        });
        await stores
          .merge(client, 500)
          .run()
          .catch(() => {});
        await session.end().catch(() => {});
        if (!isCut) break;
        killed++;
      }
      require(killed > 40, `only ${killed} merges were killed`);
      for (const [index, writer] of writers.entries()) {
        for (const records of waiting[index]!) await stores.deliver(writer, records);
        await writer.close();
      }
      const since = performance.now();
      await stores.mergeAll(production);
      return seconds(since);
    },
  ),
  stored(
    23,
    'transaction-left-open',
    'one delivery commits only when the merge has long read what was committed around it',
    async (stores, recorded, production) => {
      // One line alone at first: another would bring to the tape what this one is late with.
      const [flowing, held] = recorded.lines.a.map((records) => deliveries([records])) as [
        Delivery[],
        Delivery[],
      ];
      const lateAt = held.findIndex((records, index) => index > 2 && lanesOf(records).length > 0);
      const late = held[lateAt]!;
      const [quick, slow] = [stores.writer('a'), stores.writer('a')];
      for (const records of [...flowing.splice(0, 3), ...held.slice(0, lateAt)])
        await stores.deliver(quick, records);
      const blocker = await stores.open('line_a');
      await blocker.query('BEGIN');
      const { rowCount } = await blocker.query('SELECT FROM heartbeats WHERE lane = ANY ($1) FOR UPDATE', [
        lanesOf(late),
      ]);
      require((rowCount ?? 0) > 0, 'there is nothing to hold a delivery up with');
      const storing = stores.deliver(slow, late);
      const middle = Math.ceil(flowing.length / 2);
      for (const records of flowing.slice(0, middle)) {
        await stores.deliver(quick, records);
        await stores.merge(production).run();
      }
      const { rows } = await blocker.query<{ open: string }>(
        `SELECT count(*) AS open FROM pg_stat_activity
         WHERE datname = 'line_a' AND backend_xid IS NOT NULL AND wait_event_type = 'Lock'`,
      );
      require(rows[0]!.open === '1', `${rows[0]!.open} deliveries were held up`);
      await blocker.query('COMMIT');
      await blocker.end();
      await storing;
      for (const records of [...flowing.slice(middle), ...held.slice(lateAt + 1)])
        await stores.deliver(quick, records);
      await slow.close();
      await quick.close();
      const since = performance.now();
      await stores.mergeAll(production);
      const recovered = seconds(since);
      await requireAllMerged(stores, production);
      for (const line of ['b', 'c'] as const) {
        const writer = stores.writer(line);
        for (const records of deliveries(recorded.lines[line])) await stores.deliver(writer, records);
        await writer.close();
      }
      await stores.mergeAll(production);
      return recovered;
    },
  ),
];
