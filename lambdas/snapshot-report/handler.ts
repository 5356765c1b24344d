import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import { Lease } from '#src/catalogue/lease.ts';
import { PollLedger } from '#src/catalogue/poll-ledger.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import { catalogueTable } from '../catalogue-table.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import {
  type SnapshotReportEvent,
  type SnapshotReportResult,
  snapshotReportEnvironment,
  snapshotReportEvent,
  type VenueCoverage,
} from './contract.ts';

interface Warm {
  readonly table: CatalogueTable;
  readonly log: Logger;
  readonly namespace: string;
}

let warm: Warm | null = null;
const coldLog = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'snapshot-report' } });

function start(): Warm {
  const environment = check('environment', snapshotReportEnvironment, process.env);
  return {
    log: pino({ level: environment.LOG_LEVEL, base: { function: 'snapshot-report' } }),
    namespace: environment.METRICS_NAMESPACE,
    table: catalogueTable(environment.CATALOGUE_TABLE),
  };
}

/** Reads from the ledger what became of a run, reports it, and lets the next run begin. */
export const handler = middy<SnapshotReportEvent, SnapshotReportResult>()
  .use(errorLog(() => warm?.log ?? coldLog))
  .use(parsedEvent(snapshotReportEvent))
  .handler(async ({ run, venues: planned }) => {
    warm ??= start();
    const { table, log, namespace } = warm;
    const ledger = new PollLedger(table);
    const venues: VenueCoverage[] = [];
    for (const { venue, open, requests, instruments } of planned) {
      let made = 0;
      let asked = 0;
      let answered = 0;
      for await (const record of ledger.records(venue)) {
        if (!record.id.startsWith(`${run}#`) || record.polledMillis === null) continue;
        made++;
        asked += record.instruments.length;
        answered += record.answered;
      }
      const coverage: VenueCoverage = {
        venue,
        open,
        planned: instruments,
        requests,
        failed_requests: requests - made,
        asked,
        answered,
        coverage_percent: open === 0 ? 100 : Math.floor((asked * 100) / open),
      };
      venues.push(coverage);
      writeMetrics(
        namespace,
        'snapshotPoll',
        Date.now(),
        { venue },
        {
          snapshot_poll_open: open,
          snapshot_poll_answered: answered,
          snapshot_poll_failed_requests: coverage.failed_requests,
          snapshot_poll_coverage: coverage.coverage_percent,
        },
      );
    }
    await new Lease(table, 'snapshot-poll', run).release();
    log.info({ run, venues }, 'snapshot poll done');
    return { run, venues };
  });
