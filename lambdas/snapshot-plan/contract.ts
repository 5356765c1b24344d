import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { venueList } from '../venue-list.ts';

/** Environment of the planner of the snapshot poll. */
export const snapshotPlanEnvironment = z.object({
  CATALOGUE_TABLE: z.string().min(1),
  /** Venues to poll, separated by commas. */
  VENUES: venueList.default([...venueNames]),
  /** Time between two runs: no more is planned than the rates allow in it. */
  INTERVAL_SECONDS: z.coerce.number().positive().default(900),
  KALSHI_REQUESTS_PER_SECOND: z.coerce.number().positive().default(10),
  POLYMARKET_REQUESTS_PER_SECOND: z.coerce.number().positive().default(10),
  /** Requests of one run: what one execution of the state machine can hold. */
  MAX_REQUESTS: z.coerce.number().int().positive().max(3_000).default(2_000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Calls to AWS that the planner makes. */
export const snapshotPlanCalls: AwsCalls<typeof snapshotPlanEnvironment> = [
  { action: 'dynamodb:PutItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:Query', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:BatchWriteItem', on: { variables: ['CATALOGUE_TABLE'] } },
];

export const snapshotPlanEvent = z.object({
  /** Name of the execution that plans: a retry within it is the same run. */
  execution: z.string().min(1),
});

export interface PlannedVenue {
  readonly venue: Venue;
  /** Open instruments. */
  readonly open: number;
  /** Requests planned. */
  readonly requests: number;
  /** Instruments planned. */
  readonly instruments: number;
  /** Age of the stalest last poll before this run, in seconds; null when some instrument was never polled. */
  readonly oldest_seconds: number | null;
}

export interface SnapshotPlanResult {
  readonly run: string;
  /** True when an earlier run is still going: nothing was planned. */
  readonly skipped: boolean;
  /** One per request; the ledger has the instruments. */
  readonly chunks: readonly { readonly venue: Venue; readonly id: string }[];
  readonly venues: readonly PlannedVenue[];
}
