import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '#src/units/time.ts';
import { addSubjectOptions, filterOf, type SpanOptions } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addTapeOptions } from '../queries/row-output.ts';
import { recordTape } from '../replay/tape-recording.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { withScratchFolder } from '../terminal/leftovers.ts';
import { describeReady, passOn, runModule } from './run-module.ts';

interface ReplayOptions extends DatabaseOptions, Omit<SpanOptions, 'limit'> {
  readonly speed: string;
  readonly host?: string;
  readonly port?: string;
  readonly waitSubscriptions?: string;
  readonly waitSeconds?: string;
  readonly longestPause?: string;
  readonly kalshiKeyId?: string;
  readonly kalshiPublicKey?: string;
  readonly stay?: boolean;
  readonly save?: string;
  readonly json?: boolean;
}

function describe(line: string): string | null {
  if (!line.startsWith('{"ended":true')) return describeReady(line);
  const { played, delivered } = JSON.parse(line) as { played: number; delivered: number };
  return `played ${played} messages, ${delivered} handed to subscribers`;
}

async function serve(paths: readonly string[], options: ReplayOptions): Promise<void> {
  const parameters = [
    ...paths.flatMap((path) => ['--path', path]),
    ...passOn({
      speed: options.speed,
      host: options.host,
      port: options.port,
      'wait-subscriptions': options.waitSubscriptions,
      'wait-seconds': options.waitSeconds,
      'longest-pause': options.longestPause,
      'kalshi-key-id': options.kalshiKeyId,
      'kalshi-public-key': options.kalshiPublicKey,
    }),
    ...(options.stay === true ? [] : ['--exit-at-end']),
  ];
  await runModule('sim/replay-main.ts', parameters, options.json === true ? (line) => line : describe);
}

/** Writes the span of the tape down first: what is served then is of one moment, and can be served again. */
async function serveTape(options: ReplayOptions, open: DatabaseOpener): Promise<void> {
  const { from, to = systemClock()(), ...filter } = filterOf(options);
  if (from === undefined) {
    throw new CommandFailure('name recordings, or --from and --to for a span of the tape');
  }
  if (from >= to) throw new CommandFailure('--from has to be before --to');
  const record = (file: string): Promise<number> =>
    withTape(open, options, (client) => recordTape(client, { ...filter, from, to }, file));
  const file = options.save;
  if (file === undefined) {
    await withScratchFolder('tape-replay-', async (folder) => {
      const made = join(folder, 'tape.jsonl.zst');
      await record(made);
      await serve([made], options);
    });
    return;
  }
  const frames = await record(file);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ file, frames })}\n` : `${frames} frames in ${file}\n`,
  );
}

const OF_THE_TAPE = ['venue', 'instrument', 'event', 'series', 'from', 'to', 'database', 'save'] as const;

/** @throws CommandFailure for options that would choose from the tape, where recordings are served. */
function refuseUnused(paths: readonly string[], options: ReplayOptions): void {
  const given = OF_THE_TAPE.filter((name) => options[name] !== undefined);
  if (paths.length === 0 || given.length === 0) return;
  const names = given.map((name) => `--${name}`).join(', ');
  throw new CommandFailure(`${names}: for a span of the tape; recordings are served whole`);
}

/** `tape replay`: recordings, or a span of the tape, served over the venues' own protocols. */
export function replayCommand(dependencies: { readonly openDatabase?: DatabaseOpener } = {}): Command {
  const command = new Command('replay')
    .description("serves the tape, or recordings, over the venues' own WebSocket and REST protocols")
    .argument('[path...]', 'recordings (.jsonl, .gz or .zst), or folders of them; the tape when absent');
  return addTapeOptions(addSubjectOptions(command, { to: 'before this venue time; up to now when absent' }))
    .option('--speed <factor>', 'times the original pace, or max', '1')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <number>', 'first of four ports: Kalshi, CLOB, Gamma, control (default: any free ones)')
    .option(
      '--wait-subscriptions <number>',
      'begin when so many connections have subscribed every instrument',
      '1',
    )
    .option('--wait-seconds <number>', 'begin anyway after so long (default 120)')
    .option('--longest-pause <seconds>', 'cut pauses of the recording to so much playing time')
    .option('--kalshi-key-id <id>', 'key id that clients sign with')
    .option('--kalshi-public-key <file>', 'public key of that id, PEM; without it a key is made')
    .option('--stay', 'keep serving after the end')
    .option(
      '--save <file>',
      'write the span of the tape as a recording (.jsonl, .gz or .zst) and serve nothing',
    )
    .option('--json', 'addresses and result as JSON objects')
    .action(async (paths: string[], options: ReplayOptions) => {
      refuseUnused(paths, options);
      if (paths.length === 0) return await serveTape(options, dependencies.openDatabase ?? openTape);
      const absent = paths.find((path) => !existsSync(path));
      if (absent !== undefined) throw new CommandFailure(`there is no file or folder ${absent}`);
      await serve(paths, options);
    });
}
