import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { type Venue, venueNames } from '#src/events/event.ts';

/** Environment of the poller: one request of one venue an invocation. */
export const snapshotPollEnvironment = z.object({
  CATALOGUE_TABLE: z.string().min(1),
  /** Streams of the lines. A line without one is left out. */
  STREAM_A: z.string().min(1),
  STREAM_B: z.string().min(1),
  STREAM_C: z.string().min(1),
  /** Partition keys per stream; as many as the gatherers use. */
  STREAM_LANES: z.coerce.number().int().positive().default(16),
  KALSHI_REST_URL: z.url(),
  POLYMARKET_CLOB_URL: z.url(),
  /** Shared by all invocations through the table. */
  KALSHI_REQUESTS_PER_SECOND: z.coerce.number().positive().default(10),
  POLYMARKET_REQUESTS_PER_SECOND: z.coerce.number().positive().default(10),
  /** Name or ARN of a secret `{"key_id", "private_key"}`; without a key Kalshi is asked unsigned. */
  KALSHI_KEY_SECRET: z.string().optional(),
  KALSHI_KEY_ID: z.string().optional(),
  /** PEM text; only where there is no secret. */
  KALSHI_PRIVATE_KEY: z.string().optional(),
  /** Namespace of the metrics; each environment has its own. */
  METRICS_NAMESPACE: z.string().min(1).default('PredictionTape/local'),
  AWS_REGION: z.string().default('us-east-1'),
  AWS_ENDPOINT_URL_KINESIS: z.string().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type SnapshotPollEnvironment = z.infer<typeof snapshotPollEnvironment>;

/** Calls to AWS that the poller makes. */
export const snapshotPollCalls: AwsCalls<typeof snapshotPollEnvironment> = [
  { action: 'dynamodb:GetItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:UpdateItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'kinesis:PutRecords', on: { variables: ['STREAM_A', 'STREAM_B', 'STREAM_C'] } },
  { action: 'secretsmanager:GetSecretValue', on: 'kalshiKey' },
];

export const snapshotPollEvent = z.object({
  venue: z.enum(venueNames),
  id: z.string().min(1),
});
export type SnapshotPollEvent = z.infer<typeof snapshotPollEvent>;

export interface SnapshotPollResult {
  readonly venue: Venue;
  readonly id: string;
  readonly asked: number;
  readonly answered: number;
  /** Asked for and not answered: closed or unknown by now. */
  readonly missing: number;
  /** Answered books by what the venue's hash of them says; absent where the venue has no hashes. */
  readonly hashes?: { readonly matched: number; readonly unmatched: number; readonly not_checkable: number };
  /** Lines whose stream did not take the books, with the reason. */
  readonly refused: Readonly<Record<string, string>>;
}
