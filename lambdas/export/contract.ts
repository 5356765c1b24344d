import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { completenessShape, subjectRange, tapeFile } from '#src/export/manifest.ts';
import { foundOnce, productionDatabase } from '../database-contract.ts';
import { type Abandoned, abandonStep, jobEnvironment, planStep } from '../job-contract.ts';
import { venueList } from '../venue-list.ts';

/** Environment of the export. */
export const exportEnvironment = z
  .object({
    ...productionDatabase,
    ...jobEnvironment,
    VENUES: venueList,
    /** Days before today that are looked at. */
    DAYS: z.coerce.number().int().positive(),
    /** Beyond it a table, day and venue goes into several files. */
    ROWS_PER_FILE: z.coerce.number().int().positive(),
  })
  .refine(foundOnce('PRODUCTION'), {
    error: 'expected exactly one of PRODUCTION_DATABASE_URL and PRODUCTION_DATABASE_SECRET',
  });

/** Calls to AWS that the export makes. */
export const exportCalls: AwsCalls<typeof exportEnvironment> = [
  { action: 'secretsmanager:GetSecretValue', on: { variables: ['PRODUCTION_DATABASE_SECRET'] } },
  { action: 'dynamodb:PutItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:DeleteItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 's3:GetObject', on: { objectsOf: 'TAPE_BUCKET' } },
  { action: 's3:PutObject', on: { objectsOf: 'TAPE_BUCKET' } },
  // Without it an object that is not there looks like one that may not be read.
  { action: 's3:ListBucket', on: { variables: ['TAPE_BUCKET'] } },
];

const partition = { table: z.string(), date: z.iso.date(), venue: z.string() };

/** Of the manifest that was there when the files were planned; null where there was none. */
const version = z.number().int().positive().nullable();

/** One file that is to be made. */
const plannedFile = z.object({
  ...partition,
  version,
  index: z.number().int().nonnegative(),
  range: subjectRange,
});

/** A table, day and venue, and what was known of it before its rows were read. */
const plannedPartition = z.object({ ...partition, version, completeness: completenessShape });

/** What became of a file; `failed` where nobody knows. */
const writtenFile = z.object({
  ...partition,
  index: z.number().int().nonnegative(),
  outcome: z.enum(['written', 'replaced', 'unchanged', 'empty', 'refused', 'failed']),
  file: tapeFile.nullable().default(null),
});

export const exportEvent = z.discriminatedUnion('step', [
  planStep,
  plannedFile.extend({ step: z.literal('file') }),
  z.object({
    step: z.literal('finish'),
    execution: planStep.shape.execution,
    partitions: z.array(plannedPartition),
    files: z.array(writtenFile),
    more: z.boolean(),
    behind_seconds: z.number().nonnegative(),
    too_large: z.number().int().nonnegative(),
    not_followed: z.number().int().nonnegative(),
  }),
  abandonStep,
]);
export type ExportEvent = z.infer<typeof exportEvent>;

export interface ExportPlanned {
  /** Why nothing was planned, or null. */
  readonly skipped: string | null;
  readonly partitions: readonly z.infer<typeof plannedPartition>[];
  readonly files: readonly z.infer<typeof plannedFile>[];
  /** Whether another run should follow at once. */
  readonly more: boolean;
  /** Since the end of the first day that is left for later. */
  readonly behind_seconds: number;
  /** Tables, days and venues of more files than a run can hold. */
  readonly too_large: number;
  /** Those whose plain names cannot be brought to what their manifests name. */
  readonly not_followed: number;
}

export type ExportedFile = z.infer<typeof writtenFile>;

export interface ExportFinished {
  /** Manifests written anew. */
  readonly exported: number;
  readonly rows: number;
  /** Files that would have lost rows, and stay. */
  readonly refused: number;
  /** Files that could not be made, and tables, days and venues of too many files or whose plain names could not follow. */
  readonly failed: number;
  readonly more: boolean;
}

export type ExportResult = ExportPlanned | ExportedFile | ExportFinished | Abandoned;
