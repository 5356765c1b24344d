#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { bookCommand } from './commands/book.ts';
import { candlesCommand } from './commands/candles.ts';
import { costCommand } from './commands/cost.ts';
import { coverageCommand } from './commands/coverage.ts';
import { decodeCommand } from './commands/decode.ts';
import { deltasCommand } from './commands/deltas.ts';
import { exportCommand } from './commands/export.ts';
import { gapsCommand } from './commands/gaps.ts';
import { importCommand } from './commands/import.ts';
import { latencyCommand } from './commands/latency.ts';
import { marketsCommand } from './commands/markets.ts';
import { metricsCommand } from './commands/metrics.ts';
import { migrateCommand } from './commands/migrate.ts';
import { pruneCommand } from './commands/prune.ts';
import { recordCommand } from './commands/record.ts';
import { repairCommand } from './commands/repair.ts';
import { replayCommand } from './commands/replay.ts';
import { consoleCommand, serveCommand } from './commands/serve.ts';
import { simCommand } from './commands/sim.ts';
import { statusCommand } from './commands/status.ts';
import { tradesCommand } from './commands/trades.ts';
import { upCommand } from './commands/up.ts';
import { endWithReader } from './terminal/output.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Commands whose work is not what they print. */
const changing = new Set(['export', 'import', 'migrate', 'prune', 'repair']);

const program = new Command('tape')
  .description('A consolidated tape for prediction markets: capture, merge, query, replay.')
  .version(version)
  // An option behind a subcommand's name is the subcommand's: `sim` and `sim book` both have --truth.
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows what is accepted)')
  .exitOverride();

for (const command of [
  upCommand(version),
  statusCommand(),
  bookCommand(),
  tradesCommand(),
  deltasCommand(),
  candlesCommand(),
  metricsCommand(),
  marketsCommand(),
  gapsCommand(),
  latencyCommand(),
  coverageCommand(),
  auditCommand(),
  repairCommand(),
  decodeCommand(),
  recordCommand(),
  replayCommand(),
  simCommand(),
  exportCommand(),
  serveCommand(version),
  consoleCommand(version),
  pruneCommand(),
  importCommand(version),
  migrateCommand(),
  costCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

let running = '';
program.hook('preAction', (_, action) => {
  let command = action;
  while (command.parent !== null && command.parent !== program) command = command.parent;
  running = command.name();
});
endWithReader(() => changing.has(running));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode);
  const fault = error as Error & { exitCode?: number };
  if (process.env['TAPE_DEBUG'] !== undefined) process.stderr.write(`${fault.stack}\n`);
  else process.stderr.write(`tape: ${fault.message}\n`);
  process.exit(fault.exitCode ?? 1);
}
