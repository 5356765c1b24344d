import { Command, InvalidArgumentError } from 'commander';
import type { Kill } from '../../local/run/up.ts';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('expected a whole number.');
  }
  return value;
}

function rate(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a positive number.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('expected a positive number of seconds.');
  return value;
}

/** `a@20`: the gatherer of line a is killed 20 seconds into the capture. */
function kills(text: string, earlier: readonly Kill[] = []): Kill[] {
  const match = /^([abc])@(\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected a line and seconds, e.g. a@20.');
  return [...earlier, { line: match[1] as Kill['line'], atSeconds: Number(match[2]) }];
}

/** `tape up`: the whole system on this machine. */
export function upCommand(version: string): Command {
  return new Command('up')
    .description('run the whole system on this machine: three lines, databases, merge')
    .option('--source <source>', 'sim, live, or replay:PATH (a recording or a folder of them)', 'sim')
    .option('--seconds <n>', 'stop after this time, drain, and print a summary', seconds)
    .option('--fresh', 'begin anew: empty the data folder first')
    .option('--config <file>', 'configuration', 'config/local.yaml')
    .option('--data <folder>', 'where data, logs and state are kept', '.tape')
    .option('--seed <n>', 'sim: seed of the simulated exchange', wholeNumber)
    .option('--rate <n>', 'sim: events per second over both venues', rate)
    .option(
      '--faults <spec>',
      'sim: "usual", or rates a minute and connection, e.g. "disconnect=1,gap=2" (tape sim --help)',
    )
    .option('--speed <n>', 'replay: 1 for the original timing, N-fold, or max', 'max')
    .option('--kill <line@seconds>', 'kill a gatherer at this time, e.g. a@20; may be given again', kills)
    .option(
      '--console-port <n>',
      'port of the console; 4173, or any where that is taken, when absent',
      wholeNumber,
    )
    .option('--no-console', 'without the console')
    .option('--json', 'print one JSON object at the end; progress goes to standard error')
    .addHelpText(
      'after',
      `
Examples:
  tape up                                          simulated venues until Ctrl-C
  tape up --seconds 60 --fresh --json              one minute, then the summary with the truth comparison
  tape up --source live                            the real venues; Polymarket needs no key
  tape up --source replay:recordings/day.jsonl.gz  a recording through real sockets`,
    )
    .action(async (options) => {
      const { up } = await import('../../local/run/up.ts');
      process.exitCode = await up({ ...options, version });
    });
}
