import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import type { z } from 'zod';
import { lineDays } from '#src/retention/line-days.ts';
import { keptDaysOf, type PrunedDatabase, prune } from '#src/retention/prune.ts';
import { tapeDays } from '#src/retention/tape-days.ts';
import type { Session } from '#src/storage/production/session.ts';
import { systemClock } from '#src/units/time.ts';
import type { DatabaseVariable } from '../database-contract.ts';
import { databaseSessions } from '../database-session.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { jobLease } from '../job-lease.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { tapeBucket } from '../tape-bucket.ts';
import {
  type PrunedDatabaseReport,
  type RetentionEvent,
  type RetentionFinished,
  type RetentionPlanned,
  type RetentionResult,
  retentionEnvironment,
  retentionEvent,
} from './contract.ts';

/** No day is begun with less time left: looking at one takes minutes. */
const MARGIN_MILLIS = 300_000;
const MEBIBYTE = 2 ** 20;
const DATABASES = ['a', 'b', 'c', 'production'] as const;
const LINES = { a: 'LINE_A', b: 'LINE_B', c: 'LINE_C' } as const;

type Environment = z.infer<typeof retentionEnvironment>;
type Step<Name extends RetentionEvent['step']> = Extract<RetentionEvent, { step: Name }>;

const log: Logger = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'retention' } });

async function plan(
  environment: Environment,
  { execution, started }: Step<'plan'>,
): Promise<RetentionPlanned> {
  if (!(await jobLease('retention', environment, execution).take(started))) {
    return { skipped: 'another retention holds the lease', databases: [] };
  }
  return { skipped: null, databases: DATABASES.map((database) => ({ database })) };
}

async function pruneDatabase(
  environment: Environment,
  { database }: Step<'database'>,
  remainingMillis: () => number,
): Promise<PrunedDatabaseReport> {
  const session = databaseSessions<DatabaseVariable>(environment, {
    applicationName: 'prediction-tape retention',
    statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
    connectTimeoutMillis: environment.CONNECT_TIMEOUT_SECONDS * 1_000,
  });
  const opened: Session[] = [];
  const open = (name: DatabaseVariable): Session => {
    opened.push(session(name));
    return opened.at(-1)!;
  };
  const report = { database, dropped: 0, rows: 0, bytes: 0, due: 0, held: 0, left: 0, failed: false };
  try {
    const tape = await open('PRODUCTION').client();
    const days: PrunedDatabase =
      database === 'production'
        ? tapeDays(tape, tapeBucket(environment))
        : await lineDays(database, await open(LINES[database]).client(), tape);
    const options = {
      keptDays: keptDaysOf(database === 'production' ? environment.TAPE_DAYS : environment.LINE_DAYS),
      now: systemClock()(),
      drop: !environment.DRY_RUN,
      mayGoOn: () => remainingMillis() > MARGIN_MILLIS,
    };
    for await (const day of prune(days, options)) {
      report[day.outcome]++;
      if (day.outcome === 'dropped') {
        report.rows += day.rows ?? 0;
        report.bytes += day.bytes;
      }
      log[day.outcome === 'held' || day.outcome === 'left' ? 'warn' : 'info'](day, 'old day');
    }
  } finally {
    for (const one of opened) await one.end();
  }
  return report;
}

async function finish(environment: Environment, event: Step<'finish'>): Promise<RetentionFinished> {
  const sum = (figure: 'dropped' | 'rows' | 'bytes' | 'due' | 'held' | 'left'): number =>
    event.databases.reduce((total, database) => total + database[figure], 0);
  const result = {
    dropped: sum('dropped'),
    rows: sum('rows'),
    bytes: sum('bytes'),
    due: sum('due'),
    held: sum('held'),
    left: sum('left'),
    failed: event.databases.filter(({ failed }) => failed).length,
  };
  writeMetrics(
    environment.METRICS_NAMESPACE,
    'retention',
    Date.now(),
    {},
    {
      retention_days_dropped: result.dropped,
      retention_rows_dropped: result.rows,
      retention_space_freed: Math.round(result.bytes / MEBIBYTE),
      retention_days_due: result.due,
      retention_days_held: result.held,
      retention_days_left: result.left,
      retention_databases_failed: result.failed,
    },
  );
  log.info(result, 'retention done');
  await jobLease('retention', environment, event.execution).giveBack();
  return result;
}

/** Drops old days of the databases that are on the tape, or in files: which databases, one of them, and the sum. */
export const handler = middy<RetentionEvent, RetentionResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(retentionEvent))
  .handler(async (event, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    const environment = check('environment', retentionEnvironment, process.env);
    switch (event.step) {
      case 'plan':
        return await plan(environment, event);
      case 'database':
        return await pruneDatabase(environment, event, () => context.getRemainingTimeInMillis());
      case 'finish':
        return await finish(environment, event);
      case 'abandon':
        await jobLease('retention', environment, event.execution).giveBack();
        return { abandoned: true };
    }
  });
