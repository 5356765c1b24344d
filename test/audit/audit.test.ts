import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type AuditedLines, type AuditReport, auditTape } from '#src/audit/audit.ts';
import { LineReader } from '#src/storage/production/line-reader.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { auditCommand } from '../../cli/commands/audit.ts';
import { delta, gapRow, runUntilDone, store, type World } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';
import { damages } from './damages.ts';
import { BEGIN, goodTape, SECOND } from './good-tape.ts';

const databases = useDatabases();
const at = (seconds: number): number => BEGIN + seconds * SECOND;
const unreachable: AuditedLines = { a: 'not asked', b: 'not asked', c: 'not asked' };

async function audit(made: World, lines: AuditedLines = made.sessions): Promise<AuditReport> {
  const span = { from: BEGIN as Micros, to: at(60) as Micros };
  return await auditTape(made.production, lines, { ...span, rules: defaultRules, examples: 10 });
}

/** What the audit finds when something was done to the tape; the tape is as before afterwards. */
async function auditOfDamaged(
  made: World,
  damage: string,
  lines: AuditedLines = made.sessions,
): Promise<AuditReport> {
  const tape: ClientBase = made.production;
  await tape.query('BEGIN');
  try {
    const { rowCount } = await tape.query(damage);
    if (rowCount === 0) throw new Error(`damaged nothing: ${damage}`);
    return await audit(made, lines);
  } finally {
    await tape.query('ROLLBACK');
  }
}

const named = ({ examples }: AuditReport): string[] =>
  examples.map(
    ({ kind, subject, time, detail }) =>
      `${kind} ${subject} ${time === null ? '' : Math.round((time - BEGIN) / 1_000) / 1_000}: ${detail}`,
  );

describe('the audit', () => {
  it('passes a good tape, and says how complete it is and what each line missed', async () => {
    const report = await audit(await goodTape(databases));
    expect(report.examples).toEqual([]);
    expect(report).toMatchObject({
      ok: true,
      findings: {},
      lines: { a: { agreeing: 24, late: 0 }, b: { agreeing: 21 }, c: { agreeing: 22 } },
      keys_checked: 15,
    });
    const { kalshi, polymarket } = report.venues;
    // K2 is in a gap for ten of the sixty seconds, K1 for none.
    expect(kalshi!.proven_share).toBeCloseTo(110 / 120);
    expect(kalshi!.books).toMatchObject({ equal: 4, not_comparable: 1, not_placed: 0, differing: 0 });
    expect(kalshi!.agreement).toMatchObject({
      events: 9,
      seen_by: { abc: 6, ac: 2, ab: 1 },
      pairs: { ab: 7 / 9, ac: 8 / 9, bc: 6 / 9 },
      lines: {
        a: { seen: 9 },
        b: { seen: 7, missed_in_gap: 2, missed_unnoticed: 0 },
        c: { seen: 8, missed_in_gap: 1, missed_unnoticed: 0 },
      },
    });
    expect(polymarket!.books).toMatchObject({ equal: 1, taken_by_trades: 1, not_comparable: 1 });
  });

  it('takes no line for restored whose rows are merged while the audit begins', async () => {
    const made = await goodTape(databases);
    let isMerged = false;
    /** Another merge ends between the audit's look at the cursors and its first question to the line. */
    const b = new Proxy(made.sessions.b, {
      get: (client, name) => {
        if (name !== 'query') return Reflect.get(client, name) as unknown;
        return async (...given: Parameters<typeof client.query>) => {
          if (!isMerged) {
            isMerged = true;
            const reader = await LineReader.open('b', client, 'tape');
            const mark = randomUUID();
            await reader.leaveMark(mark);
            await reader.forgetMarksExcept([mark]);
          }
          return await client.query(...given);
        };
      },
    });
    const report = await audit(made, { ...made.sessions, b });
    expect(isMerged).toBe(true);
    expect(report).toMatchObject({ ok: true, findings: {}, lines: { b: { agreeing: 21, late: 0 } } });
  });

  it('finds each of thirty-one kinds of damage and names it', { timeout: 240_000 }, async () => {
    const made = await goodTape(databases);
    expect(Object.keys(damages)).toHaveLength(31);
    const unnamed: Record<string, unknown> = {};
    for (const [name, [sql, found]] of Object.entries(damages)) {
      const report = await auditOfDamaged(made, sql);
      const said = named(report);
      if (report.ok || !said.some((text) => found.test(text))) unnamed[name] = said;
    }
    expect(unnamed).toEqual({});
    expect((await audit(made)).ok).toBe(true);
  });

  it('finds without any line what books, keys, counts and gaps show', { timeout: 240_000 }, async () => {
    const made = await goodTape(databases);
    const found: Record<string, readonly string[]> = {};
    for (const [name, [sql]] of Object.entries(damages)) {
      found[name] = Object.keys((await auditOfDamaged(made, sql, unreachable)).findings);
    }
    expect(found).toEqual(
      Object.fromEntries(Object.entries(damages).map(([name, [, , kinds]]) => [name, kinds])),
    );
    expect((await audit(made, unreachable)).lines.a).toEqual({ away: 'not asked' });
  });

  it('compares every instant, also from within a millisecond on', async () => {
    const made = await goodTape(databases);
    await made.production.query(
      `DELETE FROM order_book_deltas WHERE instrument = 'K1' AND exchange_ts = ${at(3)}`,
    );
    const span = { from: (at(3) - 3_600 * SECOND + 500) as Micros, to: at(60) as Micros };
    const report = await auditTape(made.production, made.sessions, {
      ...span,
      rules: defaultRules,
      examples: 9,
    });
    expect(report.findings).toMatchObject({ row_lost: 1 });
  });

  it('holds a gap that a line closed before for some of its instruments against the tape for the others', async () => {
    const made = await goodTape(databases);
    await store(made.sessions.a, 'gaps', [
      gapRow('a:e1:30', at(-50), null, { instruments: ['K1', 'K2'], cause: 'sequence_gap' }),
      gapRow('a:e1:30', at(-50), at(-40), { instruments: ['K1'], cause: 'sequence_gap' }),
    ]);
    await runUntilDone(made.merge());
    expect((await audit(made)).findings).toEqual({});
    const lost = `DELETE FROM gaps WHERE line = 'a' AND gap_id = 'a:e1:30' AND instrument = `;
    await made.production.query(`${lost} 'K1'`);
    expect((await audit(made)).findings).toEqual({});
    await made.production.query(`${lost} 'K2'`);
    expect((await audit(made)).findings).toMatchObject({ line_gap_lost: 1 });
  });

  it('takes what the tape has not read yet for late, not for lost', async () => {
    const made = await goodTape(databases);
    for (const line of lineNames)
      await store(made.sessions[line], 'order_book_deltas', [delta({ exchange_ts: at(50), price: 1 })]);
    const report = await audit(made);
    expect(report).toMatchObject({ ok: true, lines: { a: { late: 1, agreeing: 24 } } });
    await runUntilDone(made.merge());
    expect(await audit(made)).toMatchObject({ ok: true, lines: { a: { late: 0, agreeing: 25 } } });
  });
});

describe('tape audit', () => {
  afterEach(() => {
    process.exitCode = undefined;
  });

  it('does not pass what it could not compare: a line that was named, or every line', async () => {
    const made = await goodTape(databases);
    const run = (lines: AuditedLines, ...more: string[]): Promise<string> =>
      outputOf(
        auditCommand({
          openDatabase: async () => ({ client: made.production, close: async () => {} }),
          openLines: async () => ({ lines, close: async () => {} }),
        }),
        ...['--from', String(BEGIN), '--to', String(at(60)), ...more],
      );
    const url = (line: string): string[] => ['--line', `${line}=postgresql://h/${line}`];
    await expect(run(unreachable)).rejects.toThrow(
      'no line was compared; --line names their databases (line a: not asked; line b: not asked; line c: not asked)',
    );
    const without = { ...made.sessions, a: 'cannot connect (refused)', c: 'not named by --line' };
    await expect(run(without, ...url('a'), ...url('b'))).rejects.toThrow(
      'not compared: line a: cannot connect (refused)',
    );
    expect(await run(without, ...url('b'))).toContain('nothing found; 2 of 3 lines not compared');
    expect(await run(made.sessions)).toContain('nothing found\n');
    expect(process.exitCode).toBeUndefined();
  });
});
