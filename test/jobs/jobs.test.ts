import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditReport } from '#src/audit/audit.ts';
import { Lease } from '#src/catalogue/lease.ts';
import { exportedTables } from '#src/export/exported-tables.ts';
import { type Manifest, readManifest, rowsIn, versionKey, writeManifest } from '#src/export/manifest.ts';
import { TapeExport } from '#src/export/tape-export.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { configurationOf } from '../contracts/assembly.ts';
import { readParquet } from '../export/readers.ts';
import { delta, heartbeat, type Row, runUntilDone, store, trade, type World, world } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';
import { type EmfLine, emfLinesOf } from '../telemetry/emf.ts';
import { useJobs } from './jobs.ts';

const local = configurationOf('local');
// Each runs commands or machines over four databases, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 240_000 });

const databases = useDatabases();
const jobs = useJobs(
  {
    ...local,
    export: { ...local.export, days: 3, rows_per_file: 3 },
    audit: { ...local.audit, hours: 1, span_seconds: 900 },
    retention: { ...local.retention, line_days: { every: 15 }, tape_days: { every: 15 } },
  },
  emfLinesOf,
);

const NOW = Date.now() * 1_000;
const TODAY = NOW - (NOW % MICROS_PER_DAY);
const dateOf = (day: number): string => formatRfc3339(day as Micros).slice(0, 10);
const YESTERDAY = TODAY - MICROS_PER_DAY;
const OLD = TODAY - 20 * MICROS_PER_DAY;
const OLDER = TODAY - 21 * MICROS_PER_DAY;
/** An hour ago at least, and audited. */
const RECENT = NOW - 2_400_000_000;

const change = (at: number, more: Row = {}): Row => delta({ exchange_ts: at, received_at: at + 9, ...more });
const rows: readonly Row[] = [
  ...['K1', 'K2', 'K3'].flatMap((instrument) =>
    [1, 2].map((index) => change(YESTERDAY + index * 1_000, { instrument })),
  ),
  change(OLD + 5, { instrument: 'K1' }),
  change(OLD + 6, { instrument: 'K1' }),
  change(OLDER + 5, { instrument: 'K1' }),
  change(RECENT, { instrument: 'K1' }),
];

let made: World;

/** Three lines that saw the same for three weeks, merged. */
async function merged(): Promise<World> {
  const fresh = await world(databases);
  fresh.now = NOW as Micros;
  for (const line of ['a', 'b', 'c'] as const) {
    await store(fresh.sessions[line], 'order_book_deltas', rows);
    await store(fresh.sessions[line], 'trades', [
      trade({ exchange_ts: YESTERDAY + 7, received_at: YESTERDAY + 8 }),
    ]);
    await heartbeat(fresh.sessions[line], line, 'e1', OLDER - MICROS_PER_DAY, NOW);
  }
  // Partitions are made by the writer of a line.
  await runUntilDone(fresh.merge());
  return fresh;
}

const keys = async (prefix: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const key of jobs.store().list(prefix)) found.push(key);
  return found;
};
const jsonOf = async <T>(key: string): Promise<T> =>
  JSON.parse(Buffer.from(await jobs.store().get(key)).toString('utf8')) as T;
const figure = (metrics: readonly EmfLine[], name: string): unknown =>
  metrics.find(({ values }) => name in values)?.values[name];
const day = { date: dateOf(YESTERDAY), venue: 'kalshi' };
const place = `date=${day.date}/venue=kalshi`;

beforeEach(() => jobs.clear());

describe('the state machine of the export', () => {
  beforeEach(async () => {
    made = await merged();
  });

  it('makes the files of settled days, several of a large one, which hold what an export to a folder holds', async () => {
    const { output, error, steps, metrics } = await jobs.run('export', made);
    expect(error).toBeNull();
    expect(output).toMatchObject({ exported: 2, rows: 7, failed: 0, refused: 0, more: false });
    // Changes go into three files, each with one of how they came, trades into one.
    expect(steps.map(({ step }) => step)).toEqual(['plan', ...Array(4).fill('file'), 'finish']);
    expect(figure(metrics, 'export_files_written')).toBe(4);
    expect(figure(metrics, 'export_behind')).toBe(0);
    const manifest = await jsonOf<Manifest>(`manifests/order_book_deltas/${place}/manifest.json`);
    expect(manifest.files.map(({ key, rows: count, range }) => [key, count, range])).toEqual([
      [`tape/order_book_deltas/${place}/tape.parquet`, 2, { from: null, to: 'K2' }],
      [`tape/order_book_deltas/${place}/tape-1.parquet`, 2, { from: 'K2', to: 'K3' }],
      [`tape/order_book_deltas/${place}/tape-2.parquet`, 2, { from: 'K3', to: null }],
    ]);

    const folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
    try {
      const dependencies = {
        openDatabase: async () => ({
          client: await made.productionDatabase.connect(),
          close: async () => {},
        }),
      };
      await outputOf(exportCommand(dependencies), '--out', folder);
      const found: Row[] = [];
      for (const [index, { key }] of manifest.files.entries()) {
        const path = join(folder, `${index}.parquet`);
        writeFileSync(path, await jobs.store().get(key));
        found.push(...(await readParquet(path)));
      }
      expect(found).toHaveLength(6);
      expect(found).toEqual(
        await readParquet(join(folder, 'tape', 'order_book_deltas', place, 'tape.parquet')),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expect([...jobs.refused]).toEqual([]);
  });

  it('finds nothing to do when all is in files, and makes anew only the file of a late row', async () => {
    await jobs.run('export', made);
    const again = await jobs.run('export', made);
    expect(again.steps.map(({ step }) => step)).toEqual(['plan', 'finish']);
    const before = await jsonOf<Manifest>(`manifests/order_book_deltas/${place}/manifest.json`);

    await store(made.sessions.b, 'order_book_deltas', [change(YESTERDAY + 3_000, { instrument: 'K2' })]);
    await runUntilDone(made.merge());
    expect((await jobs.run('export', made)).output).toMatchObject({ exported: 1, failed: 0 });
    const after = await jsonOf<Manifest>(`manifests/order_book_deltas/${place}/manifest.json`);
    expect(after.version).toBe(2);
    expect(after.files.map(({ rows: count }) => count)).toEqual([2, 3, 2]);
    expect(after.files[0]).toEqual(before.files[0]);
    expect(after.superseded.map(({ key, sha256 }) => [key, sha256])).toEqual([
      [versionKey({ table: 'order_book_deltas', ...day }, before.files[1]!.sha256), before.files[1]!.sha256],
    ]);
    expect(Buffer.from(await jobs.store().get(after.superseded[0]!.key)).byteLength).toBe(
      before.files[1]!.bytes,
    );
  });

  it('writes no manifest while one of its files cannot be made, fails, and ends it the next time', async () => {
    let failures = 0;
    const failing = await jobs.run('export', made, async (payload, invoke) => {
      const isIt = payload['step'] === 'file' && payload['index'] === 1;
      if (!isIt || payload['table'] !== 'order_book_deltas') return await invoke();
      failures++;
      throw Object.assign(new Error('no memory'), { name: 'Runtime.ExitError' });
    });
    expect(failures).toBeGreaterThan(1);
    expect(failing.error).not.toBeNull();
    expect(figure(failing.metrics, 'export_files_failed')).toBe(1);
    expect(figure(failing.metrics, 'export_behind')).toBeGreaterThan(0);
    expect(await keys('manifests/')).toEqual([`manifests/trades/${place}/manifest.json`]);
    expect((await keys('tape/order_book_deltas/')).length).toBe(2);

    expect((await jobs.run('export', made)).output).toMatchObject({ exported: 1, failed: 0 });
    expect(rowsIn(await jsonOf<Manifest>(`manifests/order_book_deltas/${place}/manifest.json`))).toBe(6);
  });
});

describe('a table, day and venue of more files than an execution can carry', () => {
  it('is named as what failed, and holds up no other', async () => {
    made = await merged();
    await store(
      made.sessions.a,
      'order_book_deltas',
      Array.from({ length: 121 }, (_, index) => `L${index}`).flatMap((instrument) =>
        [1, 2].map((part) => change(YESTERDAY + part, { instrument })),
      ),
    );
    await runUntilDone(made.merge());
    const { error, steps, metrics } = await jobs.run('export', made);
    expect(error).not.toBeNull();
    expect(steps.map(({ step }) => step)).toEqual(['plan', 'file', 'finish']);
    expect(figure(metrics, 'export_files_failed')).toBe(1);
    expect(figure(metrics, 'export_behind')).toBeGreaterThan(0);
    expect(await keys('manifests/')).toEqual([`manifests/trades/${place}/manifest.json`]);
  });
});

describe('the state machine of the audit', () => {
  beforeEach(async () => {
    made = await merged();
  });

  it('finds nothing on a good tape, keeps its reports, and does not audit the same again', async () => {
    const { output, error, metrics } = await jobs.run('audit', made);
    expect(error).toBeNull();
    expect(output).toMatchObject({ findings: 0, failed: 0 });
    expect(figure(metrics, 'audit_findings')).toBe(0);
    expect(figure(metrics, 'audit_behind')).toBe(0);
    const kept = await keys('audits/');
    expect(kept.length).toBe(output!['audited']);
    const reports = await Promise.all(kept.map((key) => jsonOf<AuditReport>(key)));
    expect(reports.every(({ ok }) => ok)).toBe(true);
    // All three lines were compared, and the row of the hour was seen at each.
    for (const line of ['a', 'b', 'c'] as const) {
      expect(
        reports
          .map(({ lines }) => lines[line])
          .filter((figures) => 'agreeing' in figures && figures.agreeing === 1),
      ).toHaveLength(1);
    }
    expect((await jobs.run('audit', made)).steps.map(({ step }) => step)).toEqual(['plan', 'finish']);
    expect([...jobs.refused]).toEqual([]);
  });

  it('publishes what it finds on a damaged tape', async () => {
    await made.production.query(
      `UPDATE order_book_deltas SET price = price + 10000 WHERE exchange_ts = ${RECENT}`,
    );
    const { output, metrics } = await jobs.run('audit', made);
    expect(output!['findings']).toBeGreaterThan(0);
    expect(figure(metrics, 'audit_findings')).toBe(output!['findings']);
    const reports = await Promise.all((await keys('audits/')).map((key) => jsonOf<AuditReport>(key)));
    expect(reports.flatMap(({ findings }) => Object.keys(findings))).toContain('row_changed');
  });

  it('audits what it could compare of a line that is away, and again wholly once it is back', async () => {
    const away = {
      ...made,
      databases: { ...made.databases, c: { ...made.databases.c, url: 'postgresql://127.0.0.1:1/away' } },
    };
    const partial = await jobs.run('audit', away);
    expect(figure(partial.metrics, 'audit_lines_away')).toBe(1);
    expect(figure(partial.metrics, 'audit_behind')).toBeGreaterThan(0);
    expect((await keys('audits/')).every((key) => key.endsWith('.partial.json'))).toBe(true);
    const still = await jobs.run('audit', away);
    expect(still.steps.map(({ step }) => step)).toEqual(['plan', 'finish']);
    expect(figure(still.metrics, 'audit_behind')).toBeGreaterThan(0);
    const whole = await jobs.run('audit', made);
    expect(whole.output).toMatchObject({ audited: partial.output!['audited'], findings: 0 });
    expect(figure(whole.metrics, 'audit_behind')).toBe(0);
  });
});

describe('the state machine of the retention', () => {
  beforeEach(async () => {
    made = await merged();
  });

  const days = async (client: World['production']): Promise<string[]> => {
    const { rows: found } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname ~ '^order_book_deltas_\\d{8}$' ORDER BY 1`,
    );
    return found.map(({ name }) => name.slice(-8));
  };
  const partition = (day: number): string => dateOf(day).replaceAll('-', '');

  beforeAll(() => expect(YESTERDAY).toBeLessThan(RECENT));

  /** Puts a day of changes into the bucket. */
  async function exported(day: number, ...names: string[]): Promise<void> {
    const scratch = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
    const exporting = new TapeExport({
      client: made.production,
      store: jobs.store(),
      scratch,
      clock: () => NOW as Micros,
      rules: defaultRules,
    });
    for (const name of names) {
      const table = exportedTables.find((item) => item.name === name)!;
      expect(await exporting.export(table, dateOf(day), 'kalshi')).toMatchObject({ outcome: 'written' });
    }
    rmSync(scratch, { recursive: true, force: true });
  }

  it('drops old days that are on the tape or in files, and holds back what is not', async () => {
    for (const line of ['a', 'b', 'c'] as const) {
      await made.sessions[line].query(`SELECT ensure_day_partitions('order_book_deltas', $1, $2)`, [
        OLDER,
        NOW,
      ]);
    }
    await exported(OLD, 'order_book_deltas');
    // Stored by a line after the tape had read it last.
    await store(made.sessions.a, 'order_book_deltas', [change(OLDER + 9)]);
    const { output, error, metrics } = await jobs.run('retention', made);
    expect(error).toBeNull();
    expect(await days(made.production)).not.toContain(partition(OLD));
    expect(await days(made.production)).toContain(partition(OLDER));
    expect(await days(made.sessions.a)).toContain(partition(OLDER));
    expect(await days(made.sessions.a)).not.toContain(partition(OLD));
    expect(await days(made.sessions.b)).not.toContain(partition(OLDER));
    expect(await days(made.sessions.b)).toContain(partition(YESTERDAY));
    // Of line a the later day, of the others both, of the tape the later one, with its account of minutes.
    expect(output!['held']).toBe(figure(metrics, 'retention_days_held'));
    expect(output).toMatchObject({ failed: 0, due: 0 });
    expect(output!['rows']).toBe(2 + 3 + 3 + 2 + 1);
    expect([...jobs.refused]).toEqual([]);
    await runUntilDone(made.merge());
    // How the changes came is in files of their own, which have to lie there, too.
    await exported(OLDER, 'order_book_deltas');
    const told = { table: 'order_book_deltas', date: dateOf(OLDER), venue: 'kalshi' };
    const manifest = (await readManifest(jobs.store(), told))!;
    const files = manifest.files.map(({ arrivals: _, ...file }) => file);
    await writeManifest(jobs.store(), { ...manifest, files });
    await jobs.run('retention', made);
    expect(await days(made.production)).toContain(partition(OLDER));
    await writeManifest(jobs.store(), manifest);
    await jobs.run('retention', made);
    expect(await days(made.production)).not.toContain(partition(OLDER));
    expect(await days(made.sessions.a)).not.toContain(partition(OLDER));
  });
});

describe('a job', () => {
  it.each(['export', 'audit', 'retention'] as const)(
    'of the %s holds its lease no longer than its execution may live, however late it plans again',
    async (job) => {
      made = await world(databases);
      const other = new Lease(jobs.table(), job, 'another');
      const taken: boolean[] = [];
      let end = 0;
      const { error } = await jobs.run(job, made, async (payload, invoke) => {
        if (payload['step'] === 'plan') {
          const started = Date.parse(payload['started'] as string);
          end = started + Number(process.env['LEASE_SECONDS']) * 1_000;
          while (Date.now() <= started) await new Promise((resolve) => setImmediate(resolve));
        }
        if (payload['step'] === 'finish') {
          for (const at of [end - 1, end]) taken.push(await other.acquire(at, 1));
        }
        return await invoke();
      });
      expect(error).toBeNull();
      expect(taken).toEqual([false, true]);
    },
  );

  it.each(['export', 'audit', 'retention'] as const)(
    'of the %s does nothing while another holds its lease, and gives its own back even when it cannot go on',
    async (job) => {
      made = await world(databases);
      const other = new Lease(jobs.table(), job, 'another');
      expect(await other.acquire(Date.now(), 60_000)).toBe(true);
      const held = await jobs.run(job, made);
      expect(held.error).toBeNull();
      expect(held.steps.map(({ step }) => step)).toEqual(['plan']);
      await other.release();

      const broken = await jobs.run(job, made, async (payload, invoke) => {
        const answer = await invoke();
        if (payload['step'] === 'plan') throw new Error('out of time');
        return answer;
      });
      expect(broken.error).not.toBeNull();
      expect(broken.steps.map(({ step }) => step)).toEqual(['plan', 'abandon']);
      expect(await other.acquire(Date.now(), 60_000)).toBe(true);
    },
  );
});
