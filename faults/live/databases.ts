import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';

/** What befalls the databases of a running system. */
export const databaseFaults: readonly Fault[] = [
  live(
    19,
    'line-database-restored',
    "a line's database is away for 10 s, then comes back as it was a while before",
    {
      inject: async (run) => {
        await run.shut('line_a');
        await run.administer('CREATE DATABASE line_a_backup TEMPLATE line_a');
        await run.reopen('line_a');
        await sleep(12_000);
        await run.shut('line_a');
        await sleep(10_000);
        await run.administer(
          'DROP DATABASE line_a',
          'ALTER DATABASE line_a_backup RENAME TO line_a',
          'ALTER DATABASE line_a WITH ALLOW_CONNECTIONS true',
        );
        await run.untilRows(
          run.state.production.url,
          'the gap of a restored database',
          "SELECT FROM gaps WHERE line = 'a' AND cause = 'database_restored' LIMIT 1",
        );
      },
    },
  ),
  live(22, 'tape-database-away', 'the production database is away for 10 s, twice, while merges run', {
    inject: async (run) => {
      const failures = run.failures('MergeSchedule');
      for (let time = 0; time < 2; time++) {
        await run.shut('production');
        await sleep(10_000);
        await run.reopen('production');
        await sleep(4_000);
      }
      require(run.failures('MergeSchedule') > failures, 'no merge met the database that was away');
    },
  }),
];
