import { describe, expect, it } from 'vitest';
import { type AuditedLines, auditTape } from '#src/audit/audit.ts';
import { type RemergeReport, remerge } from '#src/repair/remerge.ts';
import { latestRepairs } from '#src/repair/repair-log.ts';
import { dropDay, storedDays } from '#src/retention/stored-days.ts';
import { refreshRollups } from '#src/storage/production/rollups.ts';
import { eventTables } from '#src/storage/tables.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { damages } from '../audit/damages.ts';
import { BEGIN, goodTape, SECOND } from '../audit/good-tape.ts';
import { delta, metrics, runUntilDone, store, tapeRows, type World } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const at = (seconds: number): number => BEGIN + seconds * SECOND;
const span = { from: BEGIN as Micros, to: at(60) as Micros };

const again = (made: World, lines: AuditedLines = made.sessions, dryRun = false): Promise<RemergeReport> =>
  remerge(made.production, lines, { ...span, now: at(70) as Micros, rules: defaultRules, dryRun });

const audit = (made: World) =>
  auditTape(made.production, made.sessions, { ...span, rules: defaultRules, examples: 10 });

async function everything(made: World): Promise<string[]> {
  const rows: string[] = [];
  for (const table of eventTables) rows.push(...(await tapeRows(made.production, table)));
  for (const table of ['gaps', 'coverage', 'coverage_hours']) {
    const found = await made.production.query<{ row: string }>(
      `SELECT (to_jsonb(${table}) - 'merged_at')::text AS row FROM ${table} ORDER BY 1`,
    );
    rows.push(...found.rows.map(({ row }) => row));
  }
  return rows;
}

describe('merging an interval again', () => {
  it('changes nothing on a good tape, and leaves no entry', async () => {
    const made = await goodTape(databases);
    const before = await everything(made);
    expect(await again(made)).toMatchObject({ changes: {}, away: {} });
    expect(await everything(made)).toEqual(before);
    expect(await latestRepairs(made.production, 10)).toEqual([]);
  });

  it('mends every kind of damage that the audit finds, once', { timeout: 240_000 }, async () => {
    const made = await goodTape(databases);
    const good = await everything(made);
    const unmended: Record<string, unknown> = {};
    for (const [name, [sql]] of Object.entries(damages)) {
      await made.production.query(sql);
      const { changes } = await again(made);
      const isSame = JSON.stringify(await everything(made)) === JSON.stringify(good);
      const repeated = await again(made);
      if (Object.keys(changes).length === 0 || !isSame || Object.keys(repeated.changes).length > 0)
        unmended[name] = { changes, isSame, repeated: repeated.changes };
    }
    expect(unmended).toEqual({});
    expect((await audit(made)).ok).toBe(true);
    expect(await latestRepairs(made.production, 100)).toHaveLength(Object.keys(damages).length);
  });

  it('says beforehand what it would change, and changes nothing', async () => {
    const made = await goodTape(databases);
    await made.production.query(`DELETE FROM trades WHERE trade_id = 'k-1'`);
    const before = await everything(made);
    const { changes } = await again(made, made.sessions, true);
    expect(changes).toEqual({ trades: { inserted: 1 } });
    expect(await everything(made)).toEqual(before);
    expect(await latestRepairs(made.production, 10)).toEqual([]);
    expect((await again(made)).changes).toEqual(changes);
    const [entry] = await latestRepairs(made.production, 10);
    expect(entry).toMatchObject({ kind: 'merge', venue: null, line: null, changes, from_ts: String(BEGIN) });
  });

  it('leaves what is credited to a line that cannot be read, and brings back what the others have', async () => {
    const made = await goodTape(databases);
    const lines = { ...made.sessions, c: 'cannot connect' };
    const good = await everything(made);
    await made.production.query(
      `DELETE FROM order_book_deltas WHERE instrument = 'K1' AND exchange_ts = ${at(7)}`,
    );
    const report = await again(made, lines);
    expect(report.away).toEqual({ c: 'cannot connect' });
    const credited = await made.production.query<{ lines: number }>(
      `SELECT lines FROM order_book_deltas WHERE instrument = 'K1' AND exchange_ts = ${at(7)}`,
    );
    expect(credited.rows).toEqual([{ lines: 1 }]);
    await again(made);
    expect(await everything(made)).toEqual(good);
  });

  it('makes candles and figures of books anew where rows have gone', async () => {
    const made = await goodTape(databases);
    for (const session of Object.values(made.sessions))
      await store(session, 'order_book_metrics', [metrics({ at: at(5) })]);
    await runUntilDone(made.merge());
    const rollups = async () => {
      while (await refreshRollups(made.production, at(120) as Micros));
      const { rows } = await made.production.query(
        `SELECT to_jsonb(t) AS row FROM trade_rollups AS t UNION ALL SELECT to_jsonb(b) FROM book_rollups AS b ORDER BY 1`,
      );
      return rows;
    };
    const good = await rollups();
    expect(good.length).toBeGreaterThan(8);
    for (const sql of [
      `INSERT INTO trades SELECT (jsonb_populate_record(t, '{"trade_id": "x", "price": 990000}')).*
       FROM trades AS t WHERE trade_id = 'k-1'`,
      `INSERT INTO order_book_metrics SELECT (jsonb_populate_record(m, jsonb_build_object('at', m.at + 1, 'bid', 10000))).*
       FROM order_book_metrics AS m`,
    ]) {
      await made.production.query(sql);
      expect(await rollups()).not.toEqual(good);
      await again(made);
      expect(await rollups()).toEqual(good);
    }
  });

  it('keeps the account of minutes where retention has dropped rows, or no line can be read', async () => {
    const made = await goodTape(databases);
    const coverage = async () =>
      (await made.production.query(`SELECT * FROM coverage ORDER BY instrument, minute`)).rows;
    const good = await coverage();
    await made.production.query(`DELETE FROM order_book_deltas WHERE instrument = 'K1'`);
    const none = { a: 'away', b: 'away', c: 'away' };
    await again(made, none);
    expect(await coverage()).toEqual(good);
    const [tickers] = await storedDays(made.production, 'tickers');
    await made.production.query('BEGIN');
    await dropDay(made.production, tickers!);
    await made.production.query('COMMIT');
    // Line b, which is away, saw every tick; of the other two, one lacks the trade.
    await made.sessions.a.query('DELETE FROM tickers WHERE exchange_ts = $1', [at(7)]);
    await again(made, { ...none, a: made.sessions.a });
    expect(await coverage()).toEqual(good);
  });

  it('does not run ahead of the merge', async () => {
    const made = await goodTape(databases);
    for (const session of Object.values(made.sessions))
      await store(session, 'order_book_deltas', [delta({ exchange_ts: at(50), price: 1 })]);
    expect((await again(made)).changes).toEqual({});
    await runUntilDone(made.merge());
    expect((await again(made)).changes).toEqual({});
    expect((await audit(made)).ok).toBe(true);
  });
});
