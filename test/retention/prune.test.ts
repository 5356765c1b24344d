import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { configurationSchema } from '#src/config/schema.ts';
import { readManifest } from '#src/export/manifest.ts';
import { recordRepair } from '#src/repair/repair-log.ts';
import { prune } from '#src/retention/prune.ts';
import { tapeDays } from '#src/retention/tape-days.ts';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { pruneCommand } from '../../cli/commands/prune.ts';
import { delta, heartbeat, runUntilDone, store, world } from '../merge/lines.ts';
import { jsonLines, outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';

// Each runs commands or machines over four databases, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 240_000 });

const databases = useDatabases();
const NOW = Date.now() * 1_000;
const TODAY = NOW - (NOW % MICROS_PER_DAY);
const OLD = TODAY - 40 * MICROS_PER_DAY;
const dateOf = (at: number): string => formatRfc3339(at as Micros).slice(0, 10);

describe('tape prune', () => {
  it('says what would go and what has to stay, drops it when told to, and never what is not in files as it is now', async () => {
    const made = await world(databases);
    made.now = NOW as Micros;
    for (const line of ['a', 'b', 'c'] as const) {
      const session = made.sessions[line];
      await session.query(`SELECT ensure_day_partitions('order_book_deltas', $1, $1)`, [OLD]);
      await store(session, 'order_book_deltas', [delta({ exchange_ts: OLD + 5, received_at: OLD + 6 })]);
      await heartbeat(session, line, 'e1', OLD - MICROS_PER_DAY, NOW);
    }
    const folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
    const sessions = {
      openDatabase: async () => ({ client: await made.productionDatabase.connect(), close: async () => {} }),
      openLines: async () => ({ lines: made.sessions, close: async () => {} }),
    };
    const pruned = async (...more: string[]): Promise<string[]> => {
      const rows = jsonLines(
        await outputOf(pruneCommand(sessions), '--older-than', '30d', '--json', ...more),
      );
      return rows
        .filter(({ table, rows: count }) => table === 'order_book_deltas' || count !== 0)
        .map(({ database, table, rows: count, outcome, reason }) =>
          [database, table, String(count), outcome, ...(reason === null ? [] : [reason])].join(' '),
        );
    };
    try {
      // Nothing is merged yet.
      const unread = (line: string): string =>
        `${line} order_book_deltas null held nothing says that the tape has any of its rows`;
      expect(await pruned('--yes')).toEqual(['a', 'b', 'c'].map(unread));

      await runUntilDone(made.merge());
      const lines = (outcome: string): string[] =>
        ['a', 'b', 'c'].map((line) => `${line} order_book_deltas 1 ${outcome}`);
      const account = 'production coverage null held order_book_deltas still has rows of the day';
      const onTape = (rest: string): string => `production order_book_deltas ${rest}`;
      expect(await pruned()).toEqual([
        ...lines('due'),
        onTape('null held nothing says that it is in files'),
        account,
      ]);
      expect(await pruned('--yes', '--exported', folder)).toEqual([
        ...lines('dropped'),
        onTape('null held kalshi is not in files'),
        account,
      ]);

      const span = ['--from', dateOf(OLD), '--to', dateOf(OLD + MICROS_PER_DAY)];
      await outputOf(exportCommand(sessions), '--out', folder, ...span);
      await made.production.query('UPDATE order_book_deltas SET lines = 3; UPDATE coverage SET events_c = 0');
      expect(await pruned('--exported', folder, '--yes')).toEqual([
        onTape('null held rows of kalshi have changed since they were exported'),
        account,
      ]);
      await outputOf(exportCommand(sessions), '--out', folder, ...span);
      const partition = { table: 'order_book_deltas', date: dateOf(OLD), venue: 'kalshi' };
      const { files } = (await readManifest(new DirectoryObjectStore(folder), partition))!;
      const { key } = files[0]!.arrivals!;
      rmSync(join(folder, '.metadata', `${key}.json`));
      expect((await pruned('--exported', folder))[0]).toBe(
        onTape(`null held ${key} does not lie there as its manifest says`),
      );
      await outputOf(exportCommand(sessions), '--out', folder, ...span);
      await made.production.query(
        `INSERT INTO order_book_deltas SELECT (jsonb_populate_record(d, '{"occurrence": 1}')).* FROM order_book_deltas AS d`,
      );
      expect((await pruned('--exported', folder))[0]).toBe(
        onTape('2 held the files of kalshi have 1 rows, the tape has 2'),
      );
      await outputOf(exportCommand(sessions), '--out', folder, ...span);
      await made.production.query('UPDATE order_book_deltas SET price = price + 10000');
      await recordRepair(made.production, {
        ...{ kind: 'merge', venue: null, line: null, from: OLD as Micros, to: (OLD + 60_000_000) as Micros },
        changes: { order_book_deltas: { inserted: 2, removed: 2 } },
      });
      expect((await pruned('--exported', folder))[0]).toBe(
        onTape('null held rows of kalshi have changed since they were exported'),
      );
      await outputOf(exportCommand(sessions), '--out', folder, ...span);
      expect(await pruned('--exported', folder)).toEqual([onTape('2 due'), account]);
      expect(await pruned('--exported', folder, '--yes')).toEqual([
        onTape('2 dropped'),
        'production coverage 1 dropped',
      ]);
      const { rows } = await made.production.query(
        `SELECT to_regclass($1) AS day, (SELECT count(*)::integer FROM order_book_deltas) AS left`,
        [`order_book_deltas_${dateOf(OLD).replaceAll('-', '')}`],
      );
      expect(rows[0]).toEqual({ day: null, left: 0 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('asks what is old', async () => {
    const made = await databases.fresh('production');
    const open = {
      openDatabase: async () => ({ client: await made.connect(), close: async () => {} }),
    };
    await expect(outputOf(pruneCommand(open))).rejects.toThrow(/^say what is old: /);
    await expect(outputOf(pruneCommand(open), '--older-than', 'now')).rejects.toThrow('this is not over yet');
  });
});

describe('old days of a database', () => {
  const days = [1, 2, 3].map((index) => (TODAY - (40 + index) * MICROS_PER_DAY) as Micros);

  it('are all named when the time is over before they were looked at, also those of other tables', async () => {
    const made = await databases.fresh('gatherer');
    const client = await made.connect();
    for (const day of days) {
      for (const table of ['trades', 'tickers'])
        await client.query('SELECT ensure_day_partitions($1, $2, $2)', [table, day]);
    }
    const looked: string[] = [];
    let time = 2;
    const found: string[] = [];
    const database = {
      name: 'a',
      client,
      tables: ['trades', 'tickers'].map((name) => ({ name, time: 'exchange_ts' })),
      stateOf: async ({ name }: { name: string }) => {
        looked.push(name);
        return { rows: 7, held: null };
      },
    };
    for await (const { table, outcome, rows } of prune(database, {
      keptDays: () => 30,
      now: NOW as Micros,
      drop: false,
      mayGoOn: () => time-- > 0,
    })) {
      found.push(`${table} ${rows} ${outcome}`);
    }
    expect(looked).toEqual(['trades', 'trades']);
    expect(found).toEqual([
      'trades 7 due',
      'trades 7 due',
      'trades null left',
      ...Array(3).fill('tickers null left'),
    ]);
  });

  it('that are held are not counted: of many, each would take minutes from the others', async () => {
    const made = await databases.fresh('production');
    const client = await made.connect();
    await client.query(`SELECT ensure_day_partitions('order_book_deltas', $1, $1)`, [OLD]);
    await store(client, 'order_book_deltas', [
      (({ connection: _, sid: __, seq: ___, ...row }) => ({ ...row, lines: 7 }))(
        delta({ exchange_ts: OLD + 5 }),
      ),
    ]);
    const asked: string[] = [];
    const watched = new Proxy(client, {
      get: (target, name) =>
        name === 'query'
          ? (text: string, values?: unknown[]) => {
              asked.push(text);
              return target.query(text, values);
            }
          : Reflect.get(target, name),
    });
    const folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
    try {
      const database = tapeDays(watched, new DirectoryObjectStore(folder));
      const outcomes: string[] = [];
      for await (const day of prune(database, { keptDays: () => 30, now: NOW as Micros, drop: false }))
        if (day.table === 'order_book_deltas') outcomes.push(`${day.outcome} ${day.reason}`);
      expect(outcomes).toEqual(['held kalshi is not in files']);
      expect(asked.filter((text) => /count\(\*\)[^;]*FROM order_book_deltas/.test(text))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the retention of a configuration', () => {
  it('is never shorter than what export and audit look at again', () => {
    const shape = configurationSchema.shape.retention;
    expect(shape.safeParse({ line_days: { every: 0 }, tape_days: { trades: 365 } }).success).toBe(true);
    expect(shape.safeParse({ line_days: { coverage: 3 } }).success).toBe(false);
    const venues = {
      kalshi: { rest_url: 'https://x', websocket_url: 'wss://x' },
      polymarket: { clob_url: 'https://x', gamma_url: 'https://x', websocket_url: 'wss://x' },
    };
    const tooShort = configurationSchema.safeParse({
      environment: 'demo',
      venues,
      export: { days: 7 },
      retention: { tape_days: { trades: 7 } },
    });
    expect(tooShort.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      'retention.tape_days.trades: expected 0 or at least 8: export and audit look back so far',
    ]);
  });
});
