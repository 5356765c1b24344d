import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Venue } from '../../src/events/event.ts';
import { RecordingWriter } from '../../src/replay/recording-writer.ts';
import { venueOption } from '../queries/arguments.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { recordingLine } from './record-line.ts';

interface RecordOptions {
  readonly venue: Venue;
  readonly out: string;
  readonly seconds?: number;
  readonly include: string[];
  readonly exclude: string[];
  readonly config: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const SHOW_EVERY_MILLIS = 5_000;

function secondsArgument(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds <= 0)
    throw new InvalidArgumentError('expected a number above 0.');
  return seconds;
}

const collect = (text: string, list: string[]): string[] => [...list, text];

async function record(options: RecordOptions): Promise<void> {
  const { venue, out, seconds } = options;
  if (existsSync(out) && options.force !== true)
    throw new CommandFailure(`${out} is there already; --force writes over it`);
  const configuration = loadConfiguration(options.config, process.env);
  const ended = Promise.withResolvers<Error | null>();
  const writer = new RecordingWriter(out, (error) => ended.resolve(error));
  const own = configuration.venues[venue].filter;
  const filter = {
    include: options.include.length > 0 ? options.include : own.include,
    exclude: [...own.exclude, ...options.exclude],
  };
  const line = recordingLine(venue, configuration, filter, writer, (text) =>
    process.stderr.write(`${text}\n`),
  );
  const stop = (): void => ended.resolve(null);
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const timer = seconds === undefined ? undefined : setTimeout(stop, seconds * 1_000);
  const progress = setInterval(() => {
    const { registry, keeper } = line.status();
    process.stderr.write(
      `${writer.frames} frames, ${keeper.bound} of ${registry.instruments} instruments subscribed\n`,
    );
  }, SHOW_EVERY_MILLIS);
  line.start().catch((error: Error) => ended.resolve(error));
  const failure = await ended.promise;
  clearTimeout(timer);
  clearInterval(progress);
  const { registry, keeper } = line.status();
  await line.stop();
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
  if (failure !== null) throw new CommandFailure(`${out}: ${failure.message}`);
  await writer.close();
  const result = {
    venue,
    file: out,
    frames: writer.frames,
    instruments: registry.instruments,
    subscribed: keeper.bound,
  };
  if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${writer.frames} frames of ${keeper.bound} instruments in ${out}\n`);
}

/** `tape record`: the raw feed of one venue into a file. */
export function recordCommand(): Command {
  return new Command('record')
    .description('records the raw feed of a venue: every frame as received, with its time and connection')
    .addOption(
      venueOption(
        'whose feed; some need a key in the environment (docs/configuration.md)',
      ).makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'file to write; .gz and .zst are compressed')
    .option('--seconds <number>', 'end after so long (default: until Ctrl-C)', secondsArgument)
    .option(
      '--include <pattern>',
      'only markets that match, by ticker, event, series, slug or title',
      collect,
      [],
    )
    .option('--exclude <pattern>', 'no markets that match', collect, [])
    .option('--config <file>', 'configuration with the addresses of the venues', 'config/local.yaml')
    .option('--force', 'write over a file that is there')
    .option('--json', 'the result as one JSON object')
    .action(record);
}
