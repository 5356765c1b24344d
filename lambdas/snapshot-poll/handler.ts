import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { type Logger, pino } from 'pino';
import { PollLedger } from '#src/catalogue/poll-ledger.ts';
import { RateBudget } from '#src/catalogue/rate-budget.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { systemSleep } from '#src/http/sleep.ts';
import { secretsManagerReader } from '#src/storage/secrets.ts';
import { KinesisRecordStream, kinesisClient } from '#src/stream/kinesis-record-stream.ts';
import { systemClock } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { venueKeyOfSecret } from '#src/venues/secret-key.ts';
import type { FetchBooks, VenueKey } from '#src/venues/venue.ts';
import { writeMetrics } from '../embedded-metrics.ts';
import { check, errorLog, parsedEvent } from '../middleware.ts';
import {
  type SnapshotPollEnvironment,
  type SnapshotPollEvent,
  type SnapshotPollResult,
  snapshotPollEnvironment,
  snapshotPollEvent,
} from './contract.ts';
import { type PollParts, pollChunk } from './poll.ts';

/** Time that is left for the streams and the ledger after the venue has answered. */
const MARGIN_MILLIS = 10_000;
/** Seconds of unused rate that may gather. */
const BURST_SECONDS = 2;

type Warm = Omit<PollParts, 'deadlineMillis'> & { readonly log: Logger; readonly namespace: string };

let warm: Promise<Warm> | null = null;
const log = pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { function: 'snapshot-poll' } });

/** The key, or null where none is named. @throws when one is named and cannot be had. */
async function kalshiKey(environment: SnapshotPollEnvironment): Promise<VenueKey | null> {
  const { KALSHI_KEY_SECRET: secret, KALSHI_KEY_ID: keyId, KALSHI_PRIVATE_KEY: key } = environment;
  if (secret !== undefined && secret !== '') {
    const text = await secretsManagerReader(new SecretsManagerClient({}))(secret);
    return venueKeyOfSecret(secret, text);
  }
  if (keyId === undefined || key === undefined || keyId === '' || key === '') return null;
  return { keyId, privateKey: key };
}

async function start(): Promise<Warm> {
  const environment = check('environment', snapshotPollEnvironment, process.env);
  const table: CatalogueTable = {
    client: new DynamoDBClient({}),
    name: environment.CATALOGUE_TABLE,
    sleep: systemSleep,
    random: Math.random,
  };
  const http = {
    clock: systemClock(),
    sleep: systemSleep,
    random: Math.random,
    maxAttempts: 3,
    deadlineMillis: 30_000,
  };
  const reach: Record<Venue, { address: string; key: VenueKey | null; perSecond: number }> = {
    kalshi: {
      address: environment.KALSHI_REST_URL,
      key: await kalshiKey(environment),
      perSecond: environment.KALSHI_REQUESTS_PER_SECOND,
    },
    polymarket: {
      address: environment.POLYMARKET_CLOB_URL,
      key: null,
      perSecond: environment.POLYMARKET_REQUESTS_PER_SECOND,
    },
  };
  const fetchers = Object.fromEntries(
    venueNames.map((venue) => [
      venue,
      venueDefinition(venue).books(reach[venue].address, reach[venue].key, http),
    ]),
  ) as Record<Venue, FetchBooks>;
  const endpoint = environment.AWS_ENDPOINT_URL_KINESIS;
  const kinesis = kinesisClient({
    region: environment.AWS_REGION,
    ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }),
  });
  const stream = (name: string): KinesisRecordStream => new KinesisRecordStream(kinesis, name);
  return {
    log,
    namespace: environment.METRICS_NAMESPACE,
    ledger: new PollLedger(table),
    budget: (venue) =>
      new RateBudget(table, venue, {
        perSecond: reach[venue].perSecond,
        capacity: Math.max(1, reach[venue].perSecond * BURST_SECONDS),
      }),
    books: (venue, instruments) => fetchers[venue](instruments),
    streams: {
      a: stream(environment.STREAM_A),
      b: stream(environment.STREAM_B),
      c: stream(environment.STREAM_C),
    },
    lanes: environment.STREAM_LANES,
    nowMillis: Date.now,
    sleep: systemSleep,
  };
}

/** One request of the snapshot poll. */
export const handler = middy<SnapshotPollEvent, SnapshotPollResult>()
  .use(errorLog(() => log))
  .use(parsedEvent(snapshotPollEvent))
  .handler(async (event, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    warm ??= start();
    // A failed start is tried again at the next invocation.
    warm.catch(() => {
      warm = null;
    });
    const parts = await warm;
    const deadlineMillis = Date.now() + context.getRemainingTimeInMillis() - MARGIN_MILLIS;
    const result = await pollChunk({ ...parts, deadlineMillis }, event);
    const level = Object.keys(result.refused).length > 0 ? 'warn' : 'debug';
    log[level](result, 'polled');
    if (result.hashes !== undefined) {
      const { matched, unmatched, not_checkable } = result.hashes;
      writeMetrics(
        parts.namespace,
        'bookHashes',
        Date.now(),
        { venue: result.venue },
        {
          book_hashes_matched: matched,
          book_hashes_unmatched: unmatched,
          book_hashes_not_checkable: not_checkable,
        },
      );
    }
    return result;
  });
