import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import type { z } from 'zod';
import { Lease } from '#src/catalogue/lease.ts';
import { type OpenMarket, OpenMarkets } from '#src/catalogue/open-markets.ts';
import { type PollChunk, PollLedger, type PollRecord } from '#src/catalogue/poll-ledger.ts';
import { planPoll } from '#src/catalogue/poll-plan.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { catalogueTable } from '../catalogue-table.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import {
  type PlannedVenue,
  type SnapshotPlanResult,
  snapshotPlanEnvironment,
  snapshotPlanEvent,
} from './contract.ts';

interface Warm {
  readonly environment: z.infer<typeof snapshotPlanEnvironment>;
  readonly table: CatalogueTable;
  readonly log: Logger;
}

/** By how much the clocks of two functions may differ. */
const CLOCKS_APART_MILLIS = 1_000;

let warm: Warm | null = null;
const coldLog = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'snapshot-plan' } });

function start(): Warm {
  const environment = check('environment', snapshotPlanEnvironment, process.env);
  return {
    environment,
    log: pino({ level: environment.LOG_LEVEL, base: { function: 'snapshot-plan' } }),
    table: catalogueTable(environment.CATALOGUE_TABLE),
  };
}

/** Chooses the books that this run of the snapshot poll fetches, and enters them in the ledger. */
export const handler = middy<z.infer<typeof snapshotPlanEvent>, SnapshotPlanResult>()
  .use(errorLog(() => warm?.log ?? coldLog))
  .use(parsedEvent(snapshotPlanEvent))
  .handler(async ({ execution: run }, context) => {
    warm ??= start();
    const { environment, table, log } = warm;
    const now = Date.now();
    const intervalMillis = environment.INTERVAL_SECONDS * 1_000;
    // Held no longer than this function may run, until there is a plan: one that is cut off can give nothing back. A retry
    // of its own finds it held by the execution that both are of, whatever became of the answer before.
    const lease = new Lease(table, 'snapshot-poll', run);
    if (!(await lease.acquire(now, context.getRemainingTimeInMillis() + CLOCKS_APART_MILLIS))) {
      log.info('an earlier run of the snapshot poll is still going');
      return { run, skipped: true, chunks: [], venues: [] };
    }
    try {
      const rates = {
        kalshi: environment.KALSHI_REQUESTS_PER_SECOND,
        polymarket: environment.POLYMARKET_REQUESTS_PER_SECOND,
      };
      const catalogue = new OpenMarkets(table);
      const ledger = new PollLedger(table);
      const share = Math.max(
        1,
        Math.floor(environment.MAX_REQUESTS / Math.max(1, environment.VENUES.length)),
      );
      const chunks: PollChunk[] = [];
      const venues: PlannedVenue[] = [];
      for (const venue of environment.VENUES) {
        const markets: OpenMarket[] = [];
        for await (const market of catalogue.list(venue)) markets.push(market);
        const records: PollRecord[] = [];
        for await (const record of ledger.records(venue)) records.push(record);
        const plan = planPoll(markets, records, {
          nowMillis: now,
          chunkSize: venueDefinition(venue).booksPerRequest,
          maxChunks: Math.min(share, Math.max(1, Math.floor(environment.INTERVAL_SECONDS * rates[venue]))),
          abandonedAfterMillis: 2 * intervalMillis,
        });
        await ledger.forget(venue, plan.obsolete);
        const planned = plan.chunks.map((instruments, index) => ({
          venue,
          id: `${run}#${String(index).padStart(4, '0')}`,
          instruments,
        }));
        await ledger.plan(planned, now);
        chunks.push(...planned);
        venues.push({
          venue,
          open: plan.open,
          requests: planned.length,
          instruments: planned.reduce((sum, chunk) => sum + chunk.instruments.length, 0),
          oldest_seconds: plan.oldestMillis === null ? null : Math.round(plan.oldestMillis / 1_000),
        });
      }
      // Given back by the report; after two intervals a run that died no longer keeps the next from starting.
      if (!(await lease.acquire(Date.now(), 2 * intervalMillis))) {
        log.warn({ run }, 'planned for so long that another run has begun');
        return { run, skipped: true, chunks: [], venues: [] };
      }
      log.info({ run, venues }, 'planned');
      return { run, skipped: false, chunks: chunks.map(({ venue, id }) => ({ venue, id })), venues };
    } catch (error) {
      // A run without a plan has no report.
      await lease.release().catch((fault: Error) => log.warn({ error: fault.message }, 'lease not released'));
      throw error;
    }
  });
