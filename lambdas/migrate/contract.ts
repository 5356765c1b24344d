import { z } from 'zod';
import { databaseLocation } from '#src/storage/connection.ts';
import { migrationSets } from '#src/storage/migrate.ts';

export const migrateEnvironment = z.object({
  /** Folder with one folder per set, where they are not in their place beside the sources. */
  MIGRATIONS_DIRECTORY: z.string().min(1).optional(),
  /** A migration may rewrite tables. */
  STATEMENT_TIMEOUT_SECONDS: z.coerce.number().int().positive().default(840),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** One database to bring up to date. */
export const migrateEvent = z.strictObject({
  set: z.enum(migrationSets),
  database: databaseLocation,
  target: z.number().int().nonnegative().optional(),
});
export type MigrateEvent = z.infer<typeof migrateEvent>;

export interface MigrateResult {
  readonly set: MigrateEvent['set'];
  readonly applied: readonly { readonly version: number; readonly name: string }[];
}
