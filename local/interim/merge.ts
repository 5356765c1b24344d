import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { TapeMerge } from '#src/storage/production/merge.ts';
import { Session } from '#src/storage/production/session.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { systemClock } from '#src/units/time.ts';
const connect = (url: string) => async () => { const c = new pg.Client({ connectionString: url }); await c.connect(); return c; };
let merge: TapeMerge | null = null;
const lines = Object.fromEntries(['a', 'b', 'c'].map((n) => [n, new Session(connect(process.env[`LINE_${n}`]!))]));
export async function handler() {
  if (merge === null) {
    const production = await connect(process.env['PRODUCTION']!)();
    merge = new TapeMerge({ production, line: (l) => lines[l]!.client(), clock: systemClock(), newMark: randomUUID, rowsPerRun: 50_000, rules: defaultRules });
  }
  let report = await merge.run();
  for (let i = 0; report.behind && i < 50; i++) report = await merge.run();
  return report;
}
