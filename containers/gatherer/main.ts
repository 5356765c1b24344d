/** Entry of the gatherer's container: one line, every configured venue, until SIGTERM. */

import { loadConfiguration } from '#src/config/load.ts';
import { ConfigError } from '#src/config/substitution.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { HealthServer } from '#src/telemetry/health-server.ts';
import { createLogger } from '#src/telemetry/logger.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { systemClock } from '#src/units/time.ts';
import { VenueKeyError } from '#src/venues/environment-key.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import type { VenueKey } from '#src/venues/venue.ts';
import { gathererEnvironmentSchema } from './contract.ts';
import { Gatherer } from './gatherer.ts';
import { LinePublisher } from './published.ts';
import { healthOf, metricsOf, publishedOf, readinessOf, statusOf } from './status.ts';
import { readVenueKey } from './venue-key.ts';

const PUBLISH_MILLIS = 60_000;

/** Faults of the deployment, not of the program: one line says what to mend. */
const isMendable = (error: unknown): error is Error =>
  error instanceof ConfigError ||
  error instanceof VenueKeyError ||
  // The system refuses something: a folder, a port, an address.
  (error instanceof Error && 'code' in error && typeof error.code === 'string');

async function main(): Promise<void> {
  const parsed = gathererEnvironmentSchema.safeParse(process.env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new ConfigError(`environment: ${faults.join('; ')}`);
  }
  const environment = parsed.data;
  const configuration = loadConfiguration(environment.CONFIG_FILE, process.env);
  const clock = systemClock();
  const log = createLogger({
    clock,
    level: configuration.log_level,
    fields: { service: 'gatherer', gatherer: environment.GATHERER },
  });
  // Before anything that may take long: whoever asks is told that the line is starting.
  const server = await HealthServer.start({ host: environment.HEALTH_HOST, port: environment.HEALTH_PORT });
  const keys = new Map<Venue, VenueKey | null>();
  for (const venue of venueNames) {
    const settings = configuration.venues[venue];
    if (!settings.enabled || !venueDefinition(venue).needsKey) continue;
    keys.set(
      venue,
      await readVenueKey(venue, 'key_secret' in settings ? settings.key_secret : '', environment),
    );
  }
  const gatherer = new Gatherer({ configuration, environment, keys, clock, log });
  server.use({
    health: () => healthOf(gatherer),
    ready: () => readinessOf(gatherer),
    metrics: () => metricsOf(gatherer),
    status: () => statusOf(gatherer, environment.GATHERER),
  });
  await gatherer.open();
  const health = `http://${environment.HEALTH_HOST}:${server.port}`;
  process.stdout.write(`${JSON.stringify({ ready: true, health, epoch: gatherer.epoch })}\n`);

  const publisher = new LinePublisher(metricsNamespace(configuration.environment), (text) =>
    process.stdout.write(text),
  );
  const publishing = setInterval(
    () => publisher.publish(Date.now(), publishedOf(gatherer, environment.GATHERER)),
    PUBLISH_MILLIS,
  );
  publishing.unref();

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    clearInterval(publishing);
    log.info('stopping', { signal });
    const left = await gatherer.stop(environment.STOP_SECONDS * 1_000);
    log.info('stopped', left);
    await server.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  await gatherer.start();
  if (gatherer.listed) log.info('every venue is listed');
}

main().catch((error: unknown) => {
  process.stderr.write(
    `gatherer: ${isMendable(error) ? error.message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exit(1);
});
