import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { Construct } from 'constructs';
import type { z } from 'zod';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer, Venue } from '#src/events/event.ts';
import { metricsNamespace } from '#src/telemetry/published-metrics.ts';
import { snapshotPlanEnvironment } from '../../lambdas/snapshot-plan/contract.ts';
import { snapshotPollEnvironment } from '../../lambdas/snapshot-poll/contract.ts';
import { snapshotReportEnvironment } from '../../lambdas/snapshot-report/contract.ts';
import { type JobSetting, mayCall } from './job-setting.ts';
import { ScheduledStateMachine } from './scheduled-state-machine.ts';
import { secretArnOfName } from './secret-of-name.ts';
import { TypedFunction } from './typed-function.ts';

const PLAN_SECONDS = 300;
/** A poll waits for its share of the venue's rate. */
const POLL_SECONDS = 120;
const REPORT_SECONDS = 300;

export interface SnapshotPollJobProps {
  readonly setting: JobSetting;
  readonly configuration: Configuration;
  readonly table: ITable;
  readonly streams: Readonly<Record<Gatherer, IStream>>;
}

/** Order books by REST, to the streams of all lines. */
export class SnapshotPollJob extends Construct {
  readonly schedule: ScheduledStateMachine;
  readonly #props: SnapshotPollJobProps;

  constructor(scope: Construct, id: string, props: SnapshotPollJobProps) {
    super(scope, id);
    this.#props = props;
    const { setting, configuration } = props;
    const { enabled, interval_seconds } = configuration.snapshot_poll;
    this.schedule = new ScheduledStateMachine(this, 'Schedule', {
      definition: 'snapshot-poll.asl.json',
      functions: {
        SnapshotPlanFunctionArn: this.#plan(),
        SnapshotPollFunctionArn: this.#poll(),
        SnapshotReportFunctionArn: this.#report(),
      },
      everySeconds: interval_seconds,
      enabled,
      // As long as the plan holds the lease against the next run.
      timeoutSeconds: 2 * interval_seconds,
      ...setting,
    });
  }

  #function<Schema extends z.ZodObject>(
    id: string,
    what: {
      readonly name: string;
      readonly description: string;
      readonly schema: Schema;
      readonly environment: z.input<Schema>;
      readonly timeoutSeconds: number;
    },
  ): TypedFunction<Schema> {
    const { placement, outgoing } = this.#props.setting;
    return new TypedFunction(this, id, { ...what, ...placement, securityGroups: [outgoing] });
  }

  #plan(): TypedFunction<typeof snapshotPlanEnvironment> {
    const { table, configuration } = this.#props;
    const { snapshot_poll, venues, log_level } = configuration;
    const polled = (Object.keys(venues) as Venue[]).filter((venue) => venues[venue].enabled);
    const plan = this.#function('Plan', {
      name: 'snapshot-plan',
      description: 'Chooses the books that are fetched next',
      schema: snapshotPlanEnvironment,
      environment: {
        CATALOGUE_TABLE: table.tableName,
        VENUES: polled.join(','),
        INTERVAL_SECONDS: snapshot_poll.interval_seconds,
        KALSHI_REQUESTS_PER_SECOND: snapshot_poll.kalshi_requests_per_second,
        POLYMARKET_REQUESTS_PER_SECOND: snapshot_poll.polymarket_requests_per_second,
        LOG_LEVEL: log_level,
      },
      timeoutSeconds: PLAN_SECONDS,
    });
    mayCall(
      plan,
      [table.tableArn],
      'dynamodb:Query',
      'dynamodb:BatchWriteItem',
      'dynamodb:PutItem',
      'dynamodb:DeleteItem',
    );
    return plan;
  }

  #poll(): TypedFunction<typeof snapshotPollEnvironment> {
    const { table, streams, configuration } = this.#props;
    const { snapshot_poll, venues, log_level, stream } = configuration;
    const secret = venues.kalshi.enabled ? venues.kalshi.key_secret : '';
    const poll = this.#function('Poll', {
      name: 'snapshot-poll',
      description: 'Fetches some books of one venue',
      schema: snapshotPollEnvironment,
      environment: {
        CATALOGUE_TABLE: table.tableName,
        STREAM_A: streams.a.streamName,
        STREAM_B: streams.b.streamName,
        STREAM_C: streams.c.streamName,
        STREAM_LANES: stream.lanes,
        KALSHI_REST_URL: venues.kalshi.rest_url,
        POLYMARKET_CLOB_URL: venues.polymarket.clob_url,
        KALSHI_REQUESTS_PER_SECOND: snapshot_poll.kalshi_requests_per_second,
        POLYMARKET_REQUESTS_PER_SECOND: snapshot_poll.polymarket_requests_per_second,
        METRICS_NAMESPACE: metricsNamespace(configuration.environment),
        ...(secret === '' ? {} : { KALSHI_KEY_SECRET: secret }),
        LOG_LEVEL: log_level,
      },
      timeoutSeconds: POLL_SECONDS,
    });
    mayCall(poll, [table.tableArn], 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    mayCall(
      poll,
      Object.values(streams).map(({ streamArn }) => streamArn),
      'kinesis:PutRecords',
    );
    if (secret !== '') mayCall(poll, [secretArnOfName(this, secret)], 'secretsmanager:GetSecretValue');
    return poll;
  }

  #report(): TypedFunction<typeof snapshotReportEnvironment> {
    const { table, configuration } = this.#props;
    const report = this.#function('Report', {
      name: 'snapshot-report',
      description: 'Says what share of the books a run fetched',
      schema: snapshotReportEnvironment,
      environment: {
        CATALOGUE_TABLE: table.tableName,
        METRICS_NAMESPACE: metricsNamespace(configuration.environment),
        LOG_LEVEL: configuration.log_level,
      },
      timeoutSeconds: REPORT_SECONDS,
    });
    mayCall(report, [table.tableArn], 'dynamodb:Query', 'dynamodb:DeleteItem');
    return report;
  }
}
