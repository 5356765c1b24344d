import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { CommandFailure } from '../terminal/failure.ts';
import { describeReady, passOn, runModule } from './run-module.ts';

interface ReplayOptions {
  readonly speed: string;
  readonly host?: string;
  readonly port?: string;
  readonly waitSubscriptions?: string;
  readonly waitSeconds?: string;
  readonly longestPause?: string;
  readonly kalshiKeyId?: string;
  readonly kalshiPublicKey?: string;
  readonly stay?: boolean;
  readonly json?: boolean;
}

function describe(line: string): string | null {
  if (!line.startsWith('{"ended":true')) return describeReady(line);
  const { played, delivered } = JSON.parse(line) as { played: number; delivered: number };
  return `played ${played} messages, ${delivered} handed to subscribers`;
}

/** `tape replay`: recordings served over the venues' own protocols. */
export function replayCommand(): Command {
  return new Command('replay')
    .description("serves recordings over the venues' own WebSocket and REST protocols")
    .argument('<path...>', 'recordings (.jsonl, .gz or .zst), or folders of them')
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
    .option('--json', 'addresses and result as JSON objects')
    .action(async (paths: string[], options: ReplayOptions) => {
      const absent = paths.find((path) => !existsSync(path));
      if (absent !== undefined) throw new CommandFailure(`there is no file or folder ${absent}`);
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
    });
}
