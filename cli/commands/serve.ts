import { Command, InvalidArgumentError } from 'commander';
import { addTapeOptions } from '../queries/row-output.ts';
import type { ServeOptions } from '../serving/serve.ts';

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('expected a port, 0 to 65535');
  return port;
}

function parseOrigin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text)
    throw new InvalidArgumentError('expected an origin such as https://example.org');
  return text;
}

function addServerOptions(command: Command): Command {
  return addTapeOptions(command)
    .option('--host <host>', 'address to listen on; any but the own machine needs TAPE_API_KEY', '127.0.0.1')
    .option('--port <n>', 'port to listen on, 0 for any', parsePort, 4173)
    .option('--allow-origin <origin>', 'pages of this origin may read the answers (CORS)', parseOrigin)
    .addHelpText(
      'after',
      '\nThe key comes from TAPE_API_KEY, or from the secret that TAPE_API_KEY_SECRET names.',
    );
}

/** `tape serve`: the tape over HTTP. */
export function serveCommand(version: string): Command {
  return addServerOptions(
    new Command('serve').description(
      'the tape over HTTP, read-only: /openapi.json says how; and the console',
    ),
  )
    .option('--no-console', 'without the pages of the console')
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../serving/serve.ts');
      await serve(options, version);
    });
}

/** `tape console`: the console alone, of a tape wherever it is. */
export function consoleCommand(version: string): Command {
  return addServerOptions(
    new Command('console').description('a page that shows the tape and, where it runs here, the system'),
  ).action(async (options: ServeOptions) => {
    const { serve } = await import('../serving/serve.ts');
    await serve(options, version);
  });
}
