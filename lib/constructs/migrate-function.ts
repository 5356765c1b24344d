import type { Construct } from 'constructs';
import { migrateEnvironment } from '../../lambdas/migrate/contract.ts';
import {
  type JobSetting,
  mayReadSecretsOf,
  type ReachableDatabase,
  STATEMENT_MARGIN_SECONDS,
} from './job-setting.ts';
import { FUNCTION_DIRECTORY, TypedFunction } from './typed-function.ts';

/** The longest that a function may run: a migration may rewrite tables. */
const TIMEOUT_SECONDS = 900;

export interface MigrateFunctionProps {
  readonly setting: JobSetting;
  readonly databases: readonly ReachableDatabase[];
}

/** Brings any of the databases up to date; whoever deploys invokes it with a set and the secret of a database. */
export class MigrateFunction extends TypedFunction<typeof migrateEnvironment> {
  constructor(scope: Construct, id: string, props: MigrateFunctionProps) {
    const { setting, databases } = props;
    super(scope, id, {
      name: 'migrate',
      description: 'Brings one database up to date',
      schema: migrateEnvironment,
      environment: {
        MIGRATIONS_DIRECTORY: `${FUNCTION_DIRECTORY}/migrations`,
        STATEMENT_TIMEOUT_SECONDS: TIMEOUT_SECONDS - STATEMENT_MARGIN_SECONDS,
      },
      ...setting.placement,
      securityGroups: [setting.outgoing, ...databases.map(({ databaseClients }) => databaseClients)],
      timeoutSeconds: TIMEOUT_SECONDS,
      trustsAmazonAuthorities: true,
      folders: ['migrations'],
    });
    mayReadSecretsOf(this, databases);
  }
}
