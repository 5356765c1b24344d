import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { type Venue, venueNames } from '#src/events/event.ts';

/** Environment of the report of the snapshot poll. */
export const snapshotReportEnvironment = z.object({
  CATALOGUE_TABLE: z.string().min(1),
  /** Namespace of the metrics; each environment has its own. */
  METRICS_NAMESPACE: z.string().min(1).default('PredictionTape/local'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Calls to AWS that the report makes. */
export const snapshotReportCalls: AwsCalls<typeof snapshotReportEnvironment> = [
  { action: 'dynamodb:Query', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
];

/** What the planner returned. */
export const snapshotReportEvent = z.looseObject({
  run: z.string().min(1),
  venues: z.array(
    z.looseObject({
      venue: z.enum(venueNames),
      open: z.number(),
      requests: z.number(),
      instruments: z.number(),
    }),
  ),
});
export type SnapshotReportEvent = z.infer<typeof snapshotReportEvent>;

/** The coverage that a run reached, of one venue. */
export interface VenueCoverage {
  readonly venue: Venue;
  /** Open instruments when it was planned. */
  readonly open: number;
  readonly planned: number;
  /** Requests planned, and those that were not made or failed. */
  readonly requests: number;
  readonly failed_requests: number;
  /** Instruments that were asked for. */
  readonly asked: number;
  /** Books that came back. */
  readonly answered: number;
  /** Asked for in per cent of open, rounded down. */
  readonly coverage_percent: number;
}

export interface SnapshotReportResult {
  readonly run: string;
  readonly venues: readonly VenueCoverage[];
}
