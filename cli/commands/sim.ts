import { Command } from 'commander';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import type { Venue } from '../../src/events/event.ts';
import { readTruth } from '../../src/truth/read-truth.ts';
import { bookAt } from '../../src/truth/truth-books.ts';
import { formatPrice } from '../../src/units/price.ts';
import { formatSize } from '../../src/units/size.ts';
import { systemClock } from '../../src/units/time.ts';
import { venueOption } from '../queries/arguments.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { describeReady, passOn, runModule } from './run-module.ts';

interface SimOptions {
  readonly seed?: string;
  readonly kalshiMarkets?: string;
  readonly polymarketMarkets?: string;
  readonly rate?: string;
  readonly faults?: string;
  readonly truth?: string;
  readonly host?: string;
  readonly port?: string;
  readonly seconds?: string;
  readonly kalshiKeyId?: string;
  readonly kalshiPublicKey?: string;
  readonly json?: boolean;
}

interface BookOptions {
  readonly truth: string;
  readonly venue: Venue;
  readonly instrument: string;
  readonly at: string;
  readonly json?: boolean;
}

function bookCommand(): Command {
  return new Command('book')
    .description("the simulator's own book at an instant, from its truth log")
    .requiredOption('--truth <file>', 'truth log')
    .addOption(venueOption().makeOptionMandatory())
    .requiredOption('--instrument <instrument>', 'market ticker or token id')
    .requiredOption(
      '--at <time>',
      'venue time: 2026-11-20T15:04:05.123456Z, "2h ago", now, or epoch s, ms, µs',
    )
    .option('--json', 'one JSON object, integers in millionths')
    .action(async (options: BookOptions) => {
      const { truth, venue, instrument } = options;
      const at = parseTimeArgument(options.at, systemClock()());
      const book = await bookAt(readTruth(truth), venue, instrument, at);
      if (book === null) throw new CommandFailure(`${truth}: no ${venue} instrument ${instrument} by then`);
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ venue, instrument, at, ...book })}\n`);
        return;
      }
      const rows = Math.max(book.bids.length, book.asks.length);
      const lines = [`${'size'.padStart(14)} ${'bid'.padStart(9)}   ${'ask'.padEnd(9)} size`];
      for (let row = 0; row < rows; row++) {
        const bid = book.bids[row];
        const ask = book.asks[row];
        const left =
          bid === undefined
            ? ''.padStart(24)
            : `${formatSize(bid[1]).padStart(14)} ${formatPrice(bid[0]).padStart(9)}`;
        const right = ask === undefined ? '' : `${formatPrice(ask[0]).padEnd(9)} ${formatSize(ask[1])}`;
        lines.push(`${left}   ${right}`.trimEnd());
      }
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

/** `tape sim`: the simulated exchange alone, and `tape sim book`: its own book at an instant. */
export function simCommand(): Command {
  return new Command('sim')
    .description(
      "the simulated exchange alone: both venues' protocols, with a truth log of every event it makes",
    )
    .option('--seed <number>', 'content and order of all events follow from it', '1')
    .option('--kalshi-markets <number>', 'Kalshi markets (default 1200)')
    .option('--polymarket-markets <number>', 'Polymarket markets of two tokens each (default 600)')
    .option('--rate <number>', 'events a second over both venues (default 800)')
    .option(
      '--faults <list>',
      'faults, e.g. "usual" or "disconnect=0.5,kalshi.gap=2,slow_rest=0.1,skew_ms=250" (a minute and connection; REST: probability)',
    )
    .option('--truth <file>', 'write every event to this file (default: one that is gone when it ends)')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <number>', 'first of four ports: Kalshi, CLOB, Gamma, control (default: any free ones)')
    .option('--seconds <number>', 'end after so long')
    .option('--kalshi-key-id <id>', 'key id that clients sign with')
    .option('--kalshi-public-key <file>', 'public key of that id, PEM; without it a key is made')
    .option('--json', 'the addresses as one JSON object')
    .action(async (options: SimOptions) => {
      const parameters = passOn({
        seed: options.seed,
        'kalshi-markets': options.kalshiMarkets,
        'polymarket-markets': options.polymarketMarkets,
        rate: options.rate,
        faults: options.faults,
        truth: options.truth,
        host: options.host,
        port: options.port,
        seconds: options.seconds,
        'kalshi-key-id': options.kalshiKeyId,
        'kalshi-public-key': options.kalshiPublicKey,
      });
      await runModule('sim/main.ts', parameters, options.json === true ? (line) => line : describeReady);
    })
    .addCommand(bookCommand());
}
