import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import type { z } from 'zod';
import { dueExports } from '#src/export/due-exports.ts';
import { dayOf } from '#src/export/exported-rows.ts';
import { type ExportedTable, exportedTables } from '#src/export/exported-tables.ts';
import { followExports, isItsTurn } from '#src/export/follow-exports.ts';
import { AnotherExportError, TapeExport } from '#src/export/tape-export.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { formatDate, MICROS_PER_DAY, MICROS_PER_SECOND, type Micros, systemClock } from '#src/units/time.ts';
import { databaseSessions } from '../database-session.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { jobLease } from '../job-lease.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { tapeBucket } from '../tape-bucket.ts';
import {
  type ExportEvent,
  type ExportedFile,
  type ExportFinished,
  type ExportPlanned,
  type ExportResult,
  exportEnvironment,
  exportEvent,
} from './contract.ts';

/** What an execution carries from state to state is limited to 256 KiB, which a file and what became of it take nearly one of. */
const MOST_FILES = 120;

type Environment = z.infer<typeof exportEnvironment>;
type Step<Name extends ExportEvent['step']> = Extract<ExportEvent, { step: Name }>;

const log: Logger = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'export' } });

/** Runs a step on the tape, with a folder for the file that is being written; leaves neither behind. */
async function withExport<Result>(
  environment: Environment,
  step: (exporting: TapeExport) => Promise<Result>,
): Promise<Result> {
  const production = databaseSessions(environment, {
    applicationName: 'prediction-tape export',
    statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
  })('PRODUCTION');
  const scratch = mkdtempSync(join(tmpdir(), 'tape-export-'));
  try {
    const exporting = new TapeExport({
      client: await production.client(),
      store: tapeBucket(environment),
      scratch,
      clock: systemClock(),
      rules: defaultRules,
      rowsPerFile: environment.ROWS_PER_FILE,
    });
    return await step(exporting);
  } finally {
    await production.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @throws Error naming a table that is not exported. */
function tableOf(name: string): ExportedTable {
  const table = exportedTables.find((item) => item.name === name);
  if (table === undefined) throw new Error(`${JSON.stringify(name)} is no table of the tape`);
  return table;
}

async function plan(environment: Environment, { execution, started }: Step<'plan'>): Promise<ExportPlanned> {
  const nothing = {
    partitions: [],
    files: [],
    more: false,
    behind_seconds: 0,
    too_large: 0,
    not_followed: 0,
  };
  if (!(await jobLease('export', environment, execution).take(started))) {
    return { skipped: 'another export holds the lease', ...nothing };
  }
  const now = systemClock()();
  // The day that the job has just stopped looking at is looked at once more.
  const first = formatDate((now - (environment.DAYS + 1) * MICROS_PER_DAY) as Micros);
  const { due, followed } = await withExport(environment, async (exporting) => ({
    due: await dueExports(exporting, {
      now,
      days: environment.DAYS,
      venues: environment.VENUES,
      mostFiles: MOST_FILES,
    }),
    followed: await followExports(exporting, (date) => date >= first || isItsTurn(date, now)),
  }));
  for (const { partition, reason } of followed.failed)
    log.error({ ...partition, reason }, 'files of this day stay behind their manifest under tape/');
  for (const { partition, ranges } of due.tooLarge) {
    log.error(
      { ...partition, files: ranges.length, most: MOST_FILES },
      'too many files for one run: make export.rows_per_file larger, or run tape export for that day',
    );
  }
  return {
    skipped: null,
    partitions: due.partitions.map(({ partition, version, completeness }) => ({
      ...partition,
      version,
      completeness,
    })),
    files: due.partitions.flatMap(({ partition, version, ranges }) =>
      ranges.map((range, index) => ({ ...partition, version, index, range })),
    ),
    more: due.more,
    behind_seconds: Math.round(due.behind / MICROS_PER_SECOND),
    too_large: due.tooLarge.length,
    not_followed: followed.failed.length,
  };
}

async function writeFile(environment: Environment, event: Step<'file'>): Promise<ExportedFile> {
  const { table, date, venue, version, index, range } = event;
  const partition = { table, date, venue };
  const report = await withExport(environment, (exporting) =>
    exporting.writeFile(tableOf(table), { partition, version }, index, range),
  );
  return { ...partition, index, ...report };
}

async function finish(environment: Environment, event: Step<'finish'>): Promise<ExportFinished> {
  const { execution, partitions, files, more, behind_seconds, too_large, not_followed } = event;
  let exported = 0;
  let rows = 0;
  let behind = behind_seconds;
  await withExport(environment, async (exporting) => {
    for (const { version, completeness, ...partition } of partitions) {
      const own = files
        .filter(({ table, date, venue }) => isOf(partition, { table, date, venue }))
        .sort((one, other) => one.index - other.index);
      const reports = own.flatMap(({ outcome, file }) => (outcome === 'failed' ? [] : { outcome, file }));
      const report =
        reports.length < own.length
          ? null
          : await exporting
              .finish(tableOf(partition.table), { partition, version, completeness }, reports)
              .catch(orOfAnother);
      if (report === null) {
        // Of some of the files, or of another run's, a manifest would say what is not so; the next run makes them.
        const age = systemClock()() - dayOf(partition.date).to;
        behind = Math.max(behind, Math.round(age / MICROS_PER_SECOND));
        continue;
      }
      log[report.outcome === 'refused' ? 'warn' : 'info'](report, 'exported');
      if (reports.some(({ outcome }) => outcome === 'written' || outcome === 'replaced')) {
        exported++;
        rows += report.rows;
      }
    }
  });
  const count = (outcome: ExportedFile['outcome']): number =>
    files.filter((file) => file.outcome === outcome).length;
  const result = {
    exported,
    rows,
    refused: count('refused'),
    failed: count('failed') + too_large + not_followed,
    more,
  };
  writeMetrics(
    environment.METRICS_NAMESPACE,
    'export',
    Date.now(),
    {},
    {
      export_files_written: count('written') + count('replaced'),
      export_rows: rows,
      export_files_refused: result.refused,
      export_files_failed: result.failed,
      export_behind: behind,
    },
  );
  await jobLease('export', environment, execution).giveBack();
  return result;
}

/** Null where another export was faster. @throws any other error */
function orOfAnother(error: unknown): null {
  if (!(error instanceof AnotherExportError)) throw error;
  log.warn({ reason: error.message }, 'left to the next run');
  return null;
}

const isOf = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean =>
  Object.entries(one).every(([name, value]) => other[name] === value);

/** The tape as files: what is due, one file of it, and the manifests once all files are there. */
export const handler = middy<ExportEvent, ExportResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(exportEvent))
  .handler(async (event, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    const environment = check('environment', exportEnvironment, process.env);
    switch (event.step) {
      case 'plan':
        return await plan(environment, event);
      case 'file':
        return await writeFile(environment, event);
      case 'finish':
        return await finish(environment, event);
      case 'abandon':
        await jobLease('export', environment, event.execution).giveBack();
        return { abandoned: true };
    }
  });
