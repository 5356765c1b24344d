import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import type { z } from 'zod';
import { type AuditedLines, auditTape } from '#src/audit/audit.ts';
import { dueAudits, keepReport, linesAway } from '#src/audit/audit-reports.ts';
import { readLives } from '#src/storage/production/gap-merge.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import type { Session } from '#src/storage/production/session.ts';
import { horizonOf } from '#src/storage/production/tape-queries.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { MICROS_PER_SECOND, type Micros } from '#src/units/time.ts';
import type { DatabaseVariable } from '../database-contract.ts';
import { databaseSessions } from '../database-session.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { jobLease } from '../job-lease.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { tapeBucket } from '../tape-bucket.ts';
import {
  type AuditEvent,
  type AuditedSpan,
  type AuditFinished,
  type AuditPlanned,
  type AuditResult,
  auditEnvironment,
  auditEvent,
} from './contract.ts';

/** Of one execution; more follow at once. */
const MOST_SPANS = 150;
/** Of each kind of finding, in a report. */
const EXAMPLES = 20;
const SECONDS_PER_HOUR = 3_600;

const LINES = { a: 'LINE_A', b: 'LINE_B', c: 'LINE_C' } as const;

type Environment = z.infer<typeof auditEnvironment>;
type Step<Name extends AuditEvent['step']> = Extract<AuditEvent, { step: Name }>;

const log: Logger = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'audit' } });

/** Runs a step with sessions, which are opened as they are asked for, and ends them. */
async function withSessions<Result>(
  environment: Environment,
  step: (session: (name: DatabaseVariable) => Session) => Promise<Result>,
): Promise<Result> {
  const make = databaseSessions<DatabaseVariable>(environment, {
    applicationName: 'prediction-tape audit',
    statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
    connectTimeoutMillis: environment.CONNECT_TIMEOUT_SECONDS * 1_000,
  });
  const opened: Session[] = [];
  try {
    return await step((name) => {
      const session = make(name);
      opened.push(session);
      return session;
    });
  } finally {
    for (const session of opened) await session.end();
  }
}

async function plan(environment: Environment, { execution, started }: Step<'plan'>): Promise<AuditPlanned> {
  const nothing = { spans: [], more: false, settled_until: null, open_since: null };
  if (!(await jobLease('audit', environment, execution).take(started))) {
    return { skipped: 'another audit holds the lease', ...nothing };
  }
  return await withSessions(environment, async (session) => {
    const tape = await session('PRODUCTION').client();
    const settledUntil = await horizonOf(tape, defaultRules);
    const begins = [...(await readLives(tape)).values()].flatMap((lives) =>
      lives.map((life) => life.startedAt),
    );
    if (settledUntil === null || begins.length === 0) return { skipped: null, ...nothing };
    const since = Math.max(
      Math.min(...begins),
      settledUntil - environment.HOURS * SECONDS_PER_HOUR * MICROS_PER_SECOND,
    );
    const answers = await Promise.all(
      lineNames.map((name) =>
        session(LINES[name])
          .client()
          .then(
            () => true,
            () => false,
          ),
      ),
    );
    const { spans, more, openSince } = await dueAudits(tapeBucket(environment), {
      settledUntil,
      since: since as Micros,
      spanMicros: environment.SPAN_SECONDS * MICROS_PER_SECOND,
      most: MOST_SPANS,
      allLinesAnswer: answers.every(Boolean),
    });
    return { skipped: null, spans, more, settled_until: settledUntil, open_since: openSince };
  });
}

async function auditSpan(environment: Environment, { from, to }: Step<'span'>): Promise<AuditedSpan> {
  return await withSessions(environment, async (session) => {
    const tape = await session('PRODUCTION').client();
    const lines = {} as Record<keyof AuditedLines, AuditedLines[keyof AuditedLines]>;
    for (const name of lineNames) {
      lines[name] = await session(LINES[name])
        .client()
        .catch((error: Error) => `cannot connect (${error.message})`);
    }
    const report = await auditTape(tape, lines, {
      from: from as Micros,
      to: to as Micros,
      rules: defaultRules,
      examples: EXAMPLES,
    });
    await keepReport(tapeBucket(environment), report);
    const findings = Object.values(report.findings).reduce((sum, count) => sum + count, 0);
    const away = linesAway(report);
    if (findings > 0 || away.length > 0) {
      log.warn({ from, to, findings: report.findings, examples: report.examples, away }, 'audited');
    } else log.debug({ from, to }, 'audited');
    return { from, to, findings, lines_away: away.length, failed: false };
  });
}

async function finish(environment: Environment, event: Step<'finish'>): Promise<AuditFinished> {
  const { execution, spans, more, settled_until, open_since } = event;
  const findings = spans.reduce((sum, span) => sum + span.findings, 0);
  const failed = spans.filter((span) => span.failed);
  // What is not wholly audited after this run.
  const open = [
    ...spans.filter((span) => span.failed || span.lines_away > 0).map(({ from }) => from),
    ...(open_since === null ? [] : [open_since]),
  ];
  writeMetrics(
    environment.METRICS_NAMESPACE,
    'audit',
    Date.now(),
    {},
    {
      audit_findings: findings,
      audit_spans: spans.length - failed.length,
      audit_spans_failed: failed.length,
      audit_lines_away: Math.max(0, ...spans.map((span) => span.lines_away)),
      audit_behind:
        open.length === 0 || settled_until === null
          ? 0
          : Math.round((settled_until - Math.min(...open)) / MICROS_PER_SECOND),
    },
  );
  const result = { audited: spans.length - failed.length, findings, failed: failed.length, more };
  log.info(result, 'audit done');
  await jobLease('audit', environment, execution).giveBack();
  return result;
}

/** Whether the tape is what the lines received: spans that are settled and not audited, one of them, and the sum. */
export const handler = middy<AuditEvent, AuditResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(auditEvent))
  .handler(async (event, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    const environment = check('environment', auditEnvironment, process.env);
    switch (event.step) {
      case 'plan':
        return await plan(environment, event);
      case 'span':
        return await auditSpan(environment, event);
      case 'finish':
        return await finish(environment, event);
      case 'abandon':
        await jobLease('audit', environment, event.execution).giveBack();
        return { abandoned: true };
    }
  });
