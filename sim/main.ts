import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '#src/units/time.ts';
import { ArgumentError, kalshiKey, numberArgument, wholeArgument } from './arguments.ts';
import { FaultSpecificationError, parseFaults } from './faults/specification.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { Simulation } from './simulation.ts';

/** A log that no run of any length keeps in memory, for whoever asks the running exchange; gone when it ends. */
function temporaryTruth(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tape-truth-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'truth.jsonl');
}

/** The simulated exchange as a process of its own: prints one ready line, and runs until it is told to end. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      'kalshi-markets': { type: 'string' },
      'polymarket-markets': { type: 'string' },
      rate: { type: 'string' },
      faults: { type: 'string' },
      truth: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      seconds: { type: 'string' },
      'kalshi-key-id': { type: 'string' },
      'kalshi-public-key': { type: 'string' },
    },
  });
  let simulation: Simulation | null = null;
  let isStopping = false;
  // From here on, so that the key goes also with a process that is told to end before it is ready.
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void Promise.resolve(simulation?.stop()).then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const faults = parseFaults(values.faults ?? 'none');
  const key = kalshiKey(values['kalshi-key-id'] ?? 'simulated', values['kalshi-public-key']);
  const seconds = numberArgument('seconds', values.seconds, 0);
  simulation = await Simulation.start({
    settings: {
      ...DEFAULT_SETTINGS,
      seed: wholeArgument('seed', values.seed, 0) ?? DEFAULT_SETTINGS.seed,
      kalshiMarkets:
        wholeArgument('kalshi-markets', values['kalshi-markets'], 0) ?? DEFAULT_SETTINGS.kalshiMarkets,
      polymarketMarkets:
        wholeArgument('polymarket-markets', values['polymarket-markets'], 0) ??
        DEFAULT_SETTINGS.polymarketMarkets,
      rate: numberArgument('rate', values.rate, 0) ?? DEFAULT_SETTINGS.rate,
    },
    clock: systemClock(),
    ...(values.host === undefined ? {} : { host: values.host }),
    port: wholeArgument('port', values.port, 0, 65_532) ?? 0,
    kalshiKey: key,
    faults,
    truthFile: values.truth ?? temporaryTruth(),
  });
  if (seconds !== null) setTimeout(stop, seconds * 1_000);
  const credentials = {
    id: key.id,
    ...(key.privateKeyFile === null ? {} : { private_key_file: key.privateKeyFile }),
  };
  process.stdout.write(`${JSON.stringify({ ...simulation.ready, key: credentials })}\n`);
}

main().catch((error: NodeJS.ErrnoException) => {
  const isUsers =
    error instanceof ArgumentError || error instanceof FaultSpecificationError || error.code !== undefined;
  process.stderr.write(`tape sim: ${isUsers ? error.message : error.stack}\n`);
  process.exit(1);
});
