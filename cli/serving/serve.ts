import { AccessError } from '#src/api/access-key.ts';
import { configuredKey } from '#src/api/configured-key.ts';
import { type ApiServer, startApiServer } from '#src/api/server.ts';
import { type SystemSource, tapeAlone } from '#src/status/system-status.ts';
import type { ReadSecret } from '#src/storage/connection.ts';
import { scrubText } from '#src/telemetry/redaction.ts';
import { runSystem } from '../../local/run/run-system.ts';
import { type DatabaseOptions, placeOfTape } from '../queries/database.ts';
import { CommandFailure } from '../terminal/failure.ts';

export interface ServeOptions extends DatabaseOptions {
  readonly host: string;
  readonly port: number;
  readonly allowOrigin?: string;
  readonly console?: boolean;
}

/** Loaded by whoever needs it: most never do. */
async function secretReader(): Promise<ReadSecret> {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const { secretsManagerReader } = await import('#src/storage/secrets.ts');
  return secretsManagerReader(new SecretsManagerClient({}));
}

async function listen(
  options: ServeOptions,
  url: string,
  system: SystemSource,
  version: string,
): Promise<ApiServer> {
  const { host, port, allowOrigin } = options;
  try {
    return await startApiServer({
      host,
      port,
      database: { connectionString: url },
      system,
      key: await configuredKey(process.env, secretReader),
      allowOrigin: allowOrigin ?? null,
      hasConsole: options.console !== false,
      version,
      onFault: (text) => process.stderr.write(`${text}\n`),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof AccessError) throw new CommandFailure(message);
    const isAddress =
      code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND';
    if (isAddress) throw new CommandFailure(`cannot listen on ${host}:${port} (${code})`);
    throw new CommandFailure(scrubText(message));
  }
}

/** Serves until it is told to end. @throws CommandFailure where it cannot. */
export async function serve(options: ServeOptions, version: string): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  const place = await placeOfTape(options);
  try {
    const system = place.run === null ? tapeAlone : runSystem(place.run.layout, place.run.state);
    const server = await listen(options, place.url, system, version);
    const lines = options.console === false ? [] : [`console  ${server.url}/`];
    process.stdout.write(`${[...lines, `API      ${server.url}/openapi.json`].join('\n')}\n`);
    await ended.promise;
    await server.close();
  } finally {
    await place.close();
  }
}
