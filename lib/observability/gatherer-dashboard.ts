import { Dashboard, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import type { MetricName } from '#src/telemetry/published-metrics.ts';
import { publishedMetric, type Statistic } from './published-metric.ts';
import { serviceMetric } from './runbook-alarms.ts';
import type { Watched, WatchedResources } from './watched-resources.ts';
import { graph } from './widgets.ts';

/** One line: what it captures, what waits in it, and how its stream and writer are. */
export function addGathererDashboard(
  scope: Construct,
  configuration: Configuration,
  gatherer: Gatherer,
  resources: WatchedResources,
): Dashboard {
  const { environment } = configuration;
  const line = (name: MetricName<'line'>, statistic: Statistic) =>
    publishedMetric(environment, 'line', name, { gatherer }, { statistic, label: name });
  const ofLine = (watched: readonly Watched[]): readonly Watched[] =>
    watched.filter(({ stack }) =>
      [`line-${gatherer}`, `gatherer-${gatherer}`, `database-${gatherer}`].includes(stack),
    );
  const service = (
    namespace: string,
    watched: readonly Watched[],
    metrics: readonly (readonly [name: string, statistic: Statistic])[],
  ) =>
    ofLine(watched).flatMap(({ dimensions, name }) =>
      metrics.map(([metric, statistic]) =>
        serviceMetric(namespace, metric, dimensions, { statistic, minutes: 1, label: `${name}: ${metric}` }),
      ),
    );
  const venueRows = Object.entries(configuration.venues)
    .filter(([, { enabled }]) => enabled)
    .flatMap(([venue]) => venueRow(environment, gatherer, venue));
  return new Dashboard(scope, `Gatherer${gatherer.toUpperCase()}`, {
    dashboardName: `prediction-tape-${environment}-gatherer-${gatherer}`,
    widgets: [
      [new TextWidget({ markdown: `# Gatherer ${gatherer}, ${environment}`, width: 24, height: 1 })],
      [
        graph('Alive', [line('line_alive', 'Sum')]),
        graph('Lines that the stream does not have', [line('line_backlog', 'Maximum')]),
        graph('Age of the oldest of them, s', [line('line_oldest_age', 'Maximum')]),
      ],
      [
        graph('Frame to stream, 99th percentile, ms', [line('line_frame_to_stream_p99', 'Maximum')]),
        graph('Disk used, MB', [line('line_disk_used', 'Maximum')]),
        graph('Set aside, raw frames dropped', [
          line('line_refused', 'Sum'),
          line('line_raw_dropped', 'Sum'),
        ]),
      ],
      ...venueRows,
      [
        graph(
          'Stream: bytes and records in',
          service('AWS/Kinesis', resources.streams, [
            ['IncomingBytes', 'Sum'],
            ['IncomingRecords', 'Sum'],
          ]),
        ),
        graph(
          'Writer: how late it reads, ms',
          service('AWS/Lambda', resources.functions, [['IteratorAge', 'Maximum']]),
        ),
        graph(
          'Writer: duration in ms, errors',
          service('AWS/Lambda', resources.functions, [
            ['Duration', 'Average'],
            ['Errors', 'Sum'],
          ]),
        ),
      ],
      [
        graph(
          'Task: CPU and memory, %',
          service('AWS/ECS', resources.services, [
            ['CPUUtilization', 'Average'],
            ['MemoryUtilization', 'Maximum'],
          ]),
        ),
        graph('Database server: CPU and volume used, %', [
          ...service('AWS/EC2', resources.servers, [['CPUUtilization', 'Average']]),
          publishedMetric(
            environment,
            'lineDatabase',
            'line_database_volume_used',
            { gatherer },
            { statistic: 'Maximum', minutes: 5, label: 'volume used' },
          ),
        ]),
        graph(
          'Lake: age of what is delivered, s',
          service('AWS/Firehose', resources.deliveryStreams, [['DeliveryToS3.DataFreshness', 'Maximum']]),
        ),
      ],
    ],
  });
}

function venueRow(environment: string, gatherer: Gatherer, venue: string) {
  const figure = (name: MetricName<'lineVenue'>, statistic: Statistic) =>
    publishedMetric(
      environment,
      'lineVenue',
      name,
      { gatherer, venue },
      { statistic, label: name.replace('venue_', '') },
    );
  return [
    [
      graph(`${venue}: instruments`, [
        figure('venue_instruments_expected', 'Maximum'),
        figure('venue_instruments_proven', 'Minimum'),
      ]),
      graph(`${venue}: frames and events a minute`, [
        figure('venue_frames', 'Sum'),
        figure('venue_events', 'Sum'),
      ]),
      graph(`${venue}: connections, books lost, unreadable, key refused`, [
        figure('venue_connections_open', 'Minimum'),
        figure('venue_losses', 'Sum'),
        figure('venue_unreadable', 'Sum'),
        figure('venue_unauthorized', 'Maximum'),
      ]),
    ],
  ];
}
