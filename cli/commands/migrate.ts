import { Command, Option } from 'commander';
import pg from 'pg';
import { type MigrationSet, migrate, migrationSets } from '#src/storage/migrate.ts';
import { layoutOf } from '../../local/run/layout.ts';
import { readRunState } from '../../local/run/state-file.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface MigrateOptions {
  readonly database?: string;
  readonly set?: MigrationSet;
  readonly data: string;
  readonly json?: boolean;
}

interface Target {
  readonly name: string;
  readonly url: string;
  readonly set: MigrationSet;
}

function targets(options: MigrateOptions): Target[] {
  if (options.database !== undefined) {
    if (options.set === undefined) {
      throw new CommandFailure(
        '--database needs --set gatherer or --set production: the two have different tables',
      );
    }
    return [{ name: 'database', url: options.database, set: options.set }];
  }
  const state = readRunState(layoutOf(options.data).stateFile);
  if (state === null) {
    throw new CommandFailure(
      'nothing is running here; name a database with --database URL --set gatherer|production',
    );
  }
  const all: Target[] = [
    ...(['a', 'b', 'c'] as const).map((line) => ({
      name: `line ${line}`,
      url: state.lines[line].url,
      set: 'gatherer' as const,
    })),
    { name: 'production', url: state.production.url, set: 'production' },
  ];
  return all.filter((target) => options.set === undefined || target.set === options.set);
}

/** `tape migrate`: brings databases to the newest schema. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring databases to the newest schema; forward only, safe to repeat')
    .option(
      '--database <url>',
      'PostgreSQL connection URL; the databases of the run on this machine when absent',
    )
    .addOption(new Option('--set <set>', 'which tables').choices(migrationSets))
    .option('--data <folder>', 'data folder of the run', '.tape')
    .option('--json', 'one JSON object per database')
    .action(async (options: MigrateOptions) => {
      for (const target of targets(options)) {
        const client = new pg.Client({ connectionString: target.url, connectionTimeoutMillis: 10_000 });
        try {
          await client.connect();
        } catch (error) {
          throw new CommandFailure(`${target.name}: cannot connect (${(error as Error).message})`);
        }
        try {
          const applied = await migrate(client, target.set);
          const names = applied.map((migration) => migration.name);
          process.stdout.write(
            options.json === true
              ? `${JSON.stringify({ database: target.name, set: target.set, applied: names })}\n`
              : `${target.name}: ${names.length === 0 ? 'up to date' : `applied ${names.join(', ')}`}\n`,
          );
        } finally {
          await client.end();
        }
      }
    });
}
