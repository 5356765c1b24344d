import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';
import { migrationSets } from '#src/storage/migrate.ts';

/** Environment of the migration of one database. Exactly one of URL and secret says where the database is. */
export const migrateEnvironment = z
  .object({
    MIGRATION_SET: z.enum(migrationSets),
    DATABASE_URL: z.string().min(1).optional(),
    /** Name or ARN of a database secret. */
    DATABASE_SECRET: z.string().min(1).optional(),
    /** Folder with one folder per set, where they are not in their place beside the sources. */
    MIGRATIONS_DIRECTORY: z.string().min(1).optional(),
    /** A server that has only just been made takes minutes until it answers. */
    WAIT_SECONDS: z.coerce.number().int().nonnegative().default(0),
    /** A migration may rewrite tables. Together with the wait, keep it below the function's own limit. */
    STATEMENT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(840),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  })
  .refine((values) => (values.DATABASE_URL === undefined) !== (values.DATABASE_SECRET === undefined), {
    error: 'expected exactly one of DATABASE_URL and DATABASE_SECRET',
  });

/** Calls to AWS that a migration makes. */
export const migrateCalls: AwsCalls<typeof migrateEnvironment> = [
  { action: 'secretsmanager:GetSecretValue', on: { variables: ['DATABASE_SECRET'] } },
];

/** What a deployment says of the schema, of which only this matters; empty when somebody asks by hand. */
export const migrateEvent = z.looseObject({
  RequestType: z.enum(['Create', 'Update', 'Delete']).optional(),
});
export type MigrateEvent = z.infer<typeof migrateEvent>;

export interface MigrateResult {
  readonly set: (typeof migrationSets)[number];
  readonly applied: readonly { readonly version: number; readonly name: string }[];
}
