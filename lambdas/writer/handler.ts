import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import { type DatabaseLocation, openSession, sessionConfig } from '#src/storage/connection.ts';
import { secretsManagerReader } from '#src/storage/secrets.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import { type KinesisEvent, kinesisEvent, type WriterResult, writerEnvironment } from './contract.ts';
import { Writer, type WriterDependencies } from './writer.ts';

interface Warm {
  readonly writer: Writer;
  readonly log: Logger;
}

let warm: Warm | null = null;
const coldLog = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'writer' } });

/** Made at the first invocation and kept: the environment of a function does not change while it lives. */
function start(): Warm {
  const environment = check('environment', writerEnvironment, process.env);
  const log = pino({ level: environment.LOG_LEVEL, base: { function: 'writer' } });
  const location: DatabaseLocation =
    environment.DATABASE_URL === undefined
      ? { secret: environment.DATABASE_SECRET! }
      : { url: environment.DATABASE_URL };
  const secrets = new SecretsManagerClient({});
  const connect = async () =>
    openSession(
      await sessionConfig(
        location,
        {
          applicationName: 'prediction-tape writer',
          statementTimeoutMillis: environment.STATEMENT_TIMEOUT_SECONDS * 1_000,
        },
        secretsManagerReader(secrets),
      ),
    );
  const measure: NonNullable<WriterDependencies['measure']> = ({ putAside, missing, failed }) =>
    writeMetrics(
      environment.METRICS_NAMESPACE,
      'writer',
      Date.now(),
      {},
      {
        writer_lines_put_aside: putAside,
        writer_records_missing: missing,
        writer_deliveries_failed: failed,
      },
    );
  return { writer: new Writer({ connect, log, measure }), log };
}

/** Event source mapping of one line's stream to that line's database. */
export const handler = middy<KinesisEvent, WriterResult>()
  .use(errorLog(() => warm?.log ?? coldLog))
  .use(parsedEvent(kinesisEvent))
  .handler(async (event, context) => {
    // The session stays open between invocations.
    context.callbackWaitsForEmptyEventLoop = false;
    warm ??= start();
    return await warm.writer.write(event);
  });
