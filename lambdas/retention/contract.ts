import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { allDatabaseSecrets, allDatabases, allFoundOnce } from '../database-contract.ts';
import { type Abandoned, abandonStep, jobEnvironment, planStep } from '../job-contract.ts';

/** Days by table, as JSON: `{"every": 90, "trades": 365}`. */
const keptDays = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'expected JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.number().int().nonnegative()));

/** Environment of the retention. */
export const retentionEnvironment = z
  .object({
    ...allDatabases,
    ...jobEnvironment,
    CONNECT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(5),
    /** Days that the databases of the lines, and that of the tape, keep rows; 0 is for ever. */
    LINE_DAYS: keptDays,
    TAPE_DAYS: keptDays,
    /** Says what it would drop, and drops nothing. */
    DRY_RUN: z.enum(['true', 'false']).transform((text) => text === 'true'),
  })
  .refine(...allFoundOnce);

/** Calls to AWS that the retention makes. */
export const retentionCalls: AwsCalls<typeof retentionEnvironment> = [
  allDatabaseSecrets,
  { action: 'dynamodb:PutItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 's3:GetObject', on: { objectsOf: 'TAPE_BUCKET' } },
  // Without it a manifest that is not there looks like one that may not be read.
  { action: 's3:ListBucket', on: { variables: ['TAPE_BUCKET'] } },
];

const database = z.enum(['a', 'b', 'c', 'production']);
const count = z.number().int().nonnegative();

/** What became of a database's old days; `failed` where it could not be had. */
const prunedDatabase = z.object({
  database,
  dropped: count.default(0),
  rows: count.default(0),
  bytes: count.default(0),
  due: count.default(0),
  held: count.default(0),
  left: count.default(0),
  failed: z.boolean(),
});

export const retentionEvent = z.discriminatedUnion('step', [
  planStep,
  z.object({ step: z.literal('database'), database }),
  z.object({
    step: z.literal('finish'),
    execution: planStep.shape.execution,
    databases: z.array(prunedDatabase),
  }),
  abandonStep,
]);
export type RetentionEvent = z.infer<typeof retentionEvent>;

export interface RetentionPlanned {
  /** Why nothing is done, or null. */
  readonly skipped: string | null;
  readonly databases: readonly { readonly database: z.infer<typeof database> }[];
}

/**
 * Days that were dropped, with their rows and bytes; that would have been; that are old enough and had to stay; and that nobody
 * had the time to look at.
 */
export type PrunedDatabaseReport = z.infer<typeof prunedDatabase>;

export interface RetentionFinished {
  readonly dropped: number;
  readonly rows: number;
  readonly bytes: number;
  readonly due: number;
  readonly held: number;
  readonly left: number;
  readonly failed: number;
}

export type RetentionResult = RetentionPlanned | PrunedDatabaseReport | RetentionFinished | Abandoned;
