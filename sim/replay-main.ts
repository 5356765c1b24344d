import { parseArgs } from 'node:util';
import { RecordingError } from '#src/recording/read-recording.ts';
import { PlaybackSpeedError, parseSpeed } from '#src/replay/pace.ts';
import { MICROS_PER_SECOND, systemClock } from '#src/units/time.ts';
import { ArgumentError, kalshiKey, numberArgument, wholeArgument } from './arguments.ts';
import { EmptyRecordingError } from './replay/recording-survey.ts';
import { Replay } from './replay/replay.ts';

/** Time that the last frames get to reach the clients before the process ends by itself. */
const LINGER_MILLIS = 1_000;

/** The replay server as a process of its own: prints one ready line, plays, says `ended`, and stays until told. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      path: { type: 'string', multiple: true },
      speed: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'wait-subscriptions': { type: 'string' },
      'wait-seconds': { type: 'string' },
      'longest-pause': { type: 'string' },
      'exit-at-end': { type: 'boolean' },
      'kalshi-key-id': { type: 'string' },
      'kalshi-public-key': { type: 'string' },
    },
  });
  if (values.path === undefined)
    throw new ArgumentError('--path is required: a recording, or a folder of them');
  let replay: Replay | null = null;
  // From here on, so that the key goes also with a process that is told to end before it is ready.
  const stop = (): void => {
    void Promise.resolve(replay?.stop()).then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const key = kalshiKey(values['kalshi-key-id'] ?? 'replayed', values['kalshi-public-key']);
  const waitSeconds = numberArgument('wait-seconds', values['wait-seconds'], 0);
  const longestPause = numberArgument('longest-pause', values['longest-pause'], 0);
  replay = await Replay.start({
    paths: values.path,
    speed: parseSpeed(values.speed ?? '1'),
    clock: systemClock(),
    ...(values.host === undefined ? {} : { host: values.host }),
    port: wholeArgument('port', values.port, 0, 65_532) ?? 0,
    kalshiKey: key,
    waitSubscriptions: wholeArgument('wait-subscriptions', values['wait-subscriptions'], 0) ?? 0,
    ...(waitSeconds === null ? {} : { waitAtMost: waitSeconds * MICROS_PER_SECOND }),
    ...(longestPause === null ? {} : { longestPause: longestPause * MICROS_PER_SECOND }),
  });
  const credentials = {
    id: key.id,
    ...(key.privateKeyFile === null ? {} : { private_key_file: key.privateKeyFile }),
  };
  process.stdout.write(
    `${JSON.stringify({ ...replay.ready, key: credentials, recording: replay.status() })}\n`,
  );
  if (replay.survey.skipped > 0) {
    process.stderr.write(
      `tape replay: ${replay.survey.skipped} recorded lines cannot be replayed and are left out\n`,
    );
  }
  await replay.ended;
  process.stdout.write(`${JSON.stringify({ ended: true, ...replay.status() })}\n`);
  process.send?.({ type: 'ended' });
  if (values['exit-at-end'] === true) setTimeout(stop, LINGER_MILLIS);
}

main().catch((error: NodeJS.ErrnoException) => {
  const isUsers =
    error instanceof ArgumentError ||
    error instanceof PlaybackSpeedError ||
    error instanceof EmptyRecordingError ||
    error instanceof RecordingError ||
    error.code !== undefined;
  process.stderr.write(`tape replay: ${isUsers ? error.message : error.stack}\n`);
  process.exit(1);
});
