import { z } from 'zod';

/** What every scheduled job over the tape's database and its files is told. */
export const jobEnvironment = {
  /** Holds the lease. */
  CATALOGUE_TABLE: z.string().min(1),
  /** As long as an execution may live, from its begin: one that died no longer keeps the next from starting after it. */
  LEASE_SECONDS: z.coerce.number().int().positive(),
  /** Of the tape as files. */
  TAPE_BUCKET: z.string().min(1),
  /** The servers end a statement that takes longer; keep it below the function's own limit. */
  STATEMENT_TIMEOUT_SECONDS: z.coerce.number().int().positive(),
  /** Namespace of the metrics; each environment has its own. */
  METRICS_NAMESPACE: z.string().min(1),
  AWS_REGION: z.string().default('us-east-1'),
  AWS_ENDPOINT_URL_S3: z.string().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
};

/** Name of the execution: it holds the lease, so that a retry within it is the same run. */
const execution = z.string().min(1);

/** The first step of every job: takes the lease and says what is to be done. */
export const planStep = z.object({
  step: z.literal('plan'),
  execution,
  /** When the execution began: a plan that follows another in it has no more time than the first. */
  started: z.iso.datetime(),
});

/** The last step of a job that could not go on: gives the lease back. */
export const abandonStep = z.object({ step: z.literal('abandon'), execution });

/** What an abandoned run leaves. */
export interface Abandoned {
  readonly abandoned: true;
}
