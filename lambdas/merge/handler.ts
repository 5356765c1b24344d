import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import { Lease } from '#src/catalogue/lease.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import { type MergeReport, TapeMerge } from '#src/storage/production/merge.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { systemClock } from '#src/units/time.ts';
import { catalogueTable } from '../catalogue-table.ts';
import type { DatabaseVariable } from '../database-contract.ts';
import { databaseSessions } from '../database-session.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { type MergeEvent, type MergeResult, mergeEnvironment, mergeEvent } from './contract.ts';
import { MergeMetrics } from './metrics.ts';

interface Warm {
  readonly log: Logger;
  readonly run: () => Promise<MergeReport>;
  readonly metrics: MergeMetrics;
  readonly table: CatalogueTable | null;
}

let warm: Warm | null = null;
const coldLog = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'merge' } });

/** Made at the first invocation and kept: sessions stay open, and heartbeats wait for their events. */
function start(): Warm {
  const environment = check('environment', mergeEnvironment, process.env);
  const log = pino({ level: environment.LOG_LEVEL, base: { function: 'merge' } });
  const session = databaseSessions<DatabaseVariable>(environment, {
    applicationName: 'prediction-tape merge',
    statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
    connectTimeoutMillis: environment.CONNECT_TIMEOUT_SECONDS * 1_000,
  });
  const production = session('PRODUCTION');
  const lines = { a: session('LINE_A'), b: session('LINE_B'), c: session('LINE_C') };
  const merge = new TapeMerge({
    production: () => production.client(),
    line: (line) => lines[line].client(),
    clock: systemClock(),
    newMark: () => randomUUID(),
    rowsPerRun: environment.ROWS_PER_RUN,
    rules: defaultRules,
  });
  const run = async (): Promise<MergeReport> => {
    try {
      return await merge.run();
    } catch (error) {
      // The session may be in the middle of something; its end is also the end of its lock.
      await production.end();
      throw error;
    }
  };
  const table =
    environment.CATALOGUE_TABLE === undefined ? null : catalogueTable(environment.CATALOGUE_TABLE);
  const metrics = new MergeMetrics(environment.METRICS_NAMESPACE, () => production.client(), log);
  return { log, run, metrics, table };
}

function summarize(round: number, report: MergeReport, millis: number): MergeResult {
  const tables = Object.values(report.tables);
  const read: Record<string, number> = {};
  for (const table of tables) {
    for (const [line, rows] of Object.entries(table.read)) read[line] = (read[line] ?? 0) + rows;
  }
  return {
    round: round + 1,
    behind: report.behind,
    skipped: report.skipped,
    inserted: tables.reduce((sum, table) => sum + table.inserted, 0),
    updated: tables.reduce((sum, table) => sum + table.updated, 0),
    read,
    away: report.away,
    reread: report.reread,
    millis,
  };
}

/** One pass of the merge of three lines to the tape. */
export const handler = middy<MergeEvent, MergeResult>()
  .use(errorLog(() => warm?.log ?? coldLog))
  .use(parsedEvent(mergeEvent))
  .handler(async (event, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    warm ??= start();
    const { log, run, metrics, table } = warm;
    const started = Date.now();
    const held = (reason: string): MergeResult =>
      summarize(
        event.round,
        { skipped: reason, tables: {}, behind: false, away: {}, reread: [] },
        Date.now() - started,
      );
    const lease = table === null ? null : new Lease(table, 'merge', context.awsRequestId);
    if (lease !== null && !(await lease.acquire(started, context.getRemainingTimeInMillis() + 1_000))) {
      return held('another merge holds the lease');
    }
    try {
      const result = summarize(event.round, await run(), Date.now() - started);
      const level = Object.keys(result.away).length > 0 || result.reread.length > 0 ? 'warn' : 'info';
      log[level](result, 'merged');
      await metrics.write(started, result);
      return result;
    } finally {
      // Held in vain at worst until it runs out.
      await lease
        ?.release()
        .catch((error: Error) => log.warn({ error: error.message }, 'lease not released'));
    }
  });
