import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { allDatabaseSecrets, allDatabases, allFoundOnce } from '../database-contract.ts';

/** Environment of the merge. Of each database, exactly one of URL and secret says where it is. */
export const mergeEnvironment = z
  .object({
    ...allDatabases,
    /** About how many rows of one table of one line are read in one run. */
    ROWS_PER_RUN: z.coerce.number().int().positive().default(50_000),
    /** The servers end a statement that takes longer; keep it below the function's own limit. */
    STATEMENT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(240),
    /** A line that cannot be reached, or whose kept session gives no sign of life, holds up the others no longer than this. */
    CONNECT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(5),
    /** DynamoDB table that holds the lease; without it, only the lock in the tape's database guards the merge. */
    CATALOGUE_TABLE: z.string().min(1).optional(),
    /** Namespace of the metrics; each environment has its own. */
    METRICS_NAMESPACE: z.string().min(1).default('PredictionTape/local'),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  })
  .refine(...allFoundOnce);

/** Calls to AWS that the merge makes. */
export const mergeCalls: AwsCalls<typeof mergeEnvironment> = [
  allDatabaseSecrets,
  { action: 'dynamodb:PutItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
];

/** `round` counts the invocations of one execution, back to back while the merge is behind. */
export const mergeEvent = z.object({ round: z.number().int().nonnegative().default(0) });
export type MergeEvent = z.infer<typeof mergeEvent>;

export interface MergeResult {
  readonly round: number;
  /** Whether another run should follow at once. */
  readonly behind: boolean;
  /** Why nothing was done, or null. */
  readonly skipped: string | null;
  /** Rows new on the tape. */
  readonly inserted: number;
  /** Rows that another line confirmed. */
  readonly updated: number;
  /** Rows read per line. */
  readonly read: Readonly<Record<string, number>>;
  /** Lines that could not be read, with the reason. */
  readonly away: Readonly<Record<string, string>>;
  readonly reread: readonly string[];
  readonly millis: number;
}
