import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';

/** Environment of the writer: one function per line. Exactly one of the first two says where the database is. */
export const writerEnvironment = z
  .object({
    DATABASE_URL: z.string().min(1).optional(),
    /** Name or ARN of a database secret. */
    DATABASE_SECRET: z.string().min(1).optional(),
    /** The server ends a statement that takes longer; keep it below the function's own limit. */
    STATEMENT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(25),
    /** Namespace of the metrics; each environment has its own. */
    METRICS_NAMESPACE: z.string().min(1).default('PredictionTape/local'),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  })
  .refine((values) => (values.DATABASE_URL === undefined) !== (values.DATABASE_SECRET === undefined), {
    error: 'expected exactly one of DATABASE_URL and DATABASE_SECRET',
  });

/** Calls to AWS that the writer itself makes; its stream is read by Lambda. */
export const writerCalls: AwsCalls<typeof writerEnvironment> = [
  { action: 'secretsmanager:GetSecretValue', on: { variables: ['DATABASE_SECRET'] } },
];

/** What the writer needs of an event of a Kinesis event source mapping. */
export const kinesisEvent = z.object({
  Records: z.array(
    z.object({
      eventID: z.string(),
      eventSourceARN: z.string(),
      kinesis: z.object({
        sequenceNumber: z.string().min(1),
        partitionKey: z.string(),
        data: z.string(),
      }),
    }),
  ),
});
export type KinesisEvent = z.infer<typeof kinesisEvent>;

/** Partial failure: the event source goes on from the first of these. */
export interface WriterResult {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}
