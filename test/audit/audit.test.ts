import { describe, expect, it } from 'vitest';
import { type AuditedLines, type AuditReport, auditTape } from '#src/audit/audit.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { delta, store, type World } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';
import { BEGIN, goodTape, SECOND } from './good-tape.ts';

const databases = useDatabases();
const at = (seconds: number): number => BEGIN + seconds * SECOND;
const unreachable: AuditedLines = { a: 'not asked', b: 'not asked', c: 'not asked' };

async function audit(made: World, lines: AuditedLines = made.sessions): Promise<AuditReport> {
  const span = { from: BEGIN as Micros, to: (BEGIN + 60 * SECOND) as Micros };
  return await auditTape(made.production, lines, { ...span, rules: defaultRules, examples: 10 });
}

describe('the audit', () => {
  it('passes a good tape, and says how complete it is and what each line missed', async () => {
    const made = await goodTape(databases);
    const report = await audit(made);
    expect(report.examples).toEqual([]);
    expect(report.ok).toBe(true);
    console.warn(JSON.stringify(report, null, 1));
  });
});
