import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { allDatabaseSecrets, allDatabases, allFoundOnce } from '../database-contract.ts';
import { type Abandoned, abandonStep, jobEnvironment, planStep } from '../job-contract.ts';

/** Environment of the audit. */
export const auditEnvironment = z
  .object({
    ...allDatabases,
    ...jobEnvironment,
    /** A line that cannot be reached holds up the comparison with the others no longer than this. */
    CONNECT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(5),
    /** What is audited at a time. */
    SPAN_SECONDS: z.coerce.number().int().positive(),
    /** Spans that are younger and have no report yet are audited. */
    HOURS: z.coerce.number().int().positive(),
  })
  .refine(...allFoundOnce);

/** Calls to AWS that the audit makes. */
export const auditCalls: AwsCalls<typeof auditEnvironment> = [
  allDatabaseSecrets,
  { action: 'dynamodb:PutItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 's3:PutObject', on: { objectsOf: 'TAPE_BUCKET' } },
  { action: 's3:ListBucket', on: { variables: ['TAPE_BUCKET'] } },
];

const instant = z.number().int().nonnegative();
const span = z.object({ from: instant, to: instant });

/** What became of a span; `failed` where it could not be audited. */
const auditedSpan = span.extend({
  findings: z.number().int().nonnegative(),
  lines_away: z.number().int().nonnegative(),
  failed: z.boolean(),
});

export const auditEvent = z.discriminatedUnion('step', [
  planStep,
  span.extend({ step: z.literal('span') }),
  z.object({
    step: z.literal('finish'),
    execution: planStep.shape.execution,
    spans: z.array(auditedSpan),
    more: z.boolean(),
    settled_until: instant.nullable(),
    open_since: instant.nullable(),
  }),
  abandonStep,
]);
export type AuditEvent = z.infer<typeof auditEvent>;

export interface AuditPlanned {
  /** Why nothing was planned, or null. */
  readonly skipped: string | null;
  /** Venue time, microseconds. */
  readonly spans: readonly z.infer<typeof span>[];
  /** Whether another run should follow at once. */
  readonly more: boolean;
  /** Up to which venue time the tape is settled; null when no line ever ran. */
  readonly settled_until: number | null;
  /** Begin of the first span that is not wholly audited and left for later; null where there is none. */
  readonly open_since: number | null;
}

export type AuditedSpan = z.infer<typeof auditedSpan>;

export interface AuditFinished {
  readonly audited: number;
  readonly findings: number;
  readonly failed: number;
  readonly more: boolean;
}

export type AuditResult = AuditPlanned | AuditedSpan | AuditFinished | Abandoned;
