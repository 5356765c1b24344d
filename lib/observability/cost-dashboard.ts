import { Dashboard, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { serviceMetric } from './runbook-alarms.ts';
import type { Watched, WatchedResources } from './watched-resources.ts';
import { graph } from './widgets.ts';

const DAY = 1_440;
const HOUR = 60;

/** Services of the bill, by the names that it gives them. */
const BILLED = [
  'AmazonKinesis',
  'AmazonKinesisFirehose',
  'AmazonECS',
  'AmazonEC2',
  'AmazonVPC',
  'AmazonRDS',
  'AmazonS3',
  'AmazonDynamoDB',
  'AWSLambda',
  'AmazonStates',
  'AmazonCloudWatch',
];

/** What the account has been billed this month, and what drives it. */
export function addCostDashboard(
  scope: Construct,
  configuration: Configuration,
  resources: WatchedResources,
): Dashboard {
  const { environment } = configuration;
  const sum = (namespace: string, metric: string, watched: readonly Watched[], minutes = HOUR) =>
    watched.map(({ name, dimensions }) =>
      serviceMetric(namespace, metric, dimensions, { statistic: 'Sum', minutes, label: name }),
    );
  const charges = (dimensions: Record<string, string>, label: string) =>
    serviceMetric(
      'AWS/Billing',
      'EstimatedCharges',
      { Currency: 'USD', ...dimensions },
      { statistic: 'Maximum', minutes: 6 * HOUR, label },
    );
  return new Dashboard(scope, 'Cost', {
    dashboardName: `prediction-tape-${environment}-cost`,
    widgets: [
      [
        new TextWidget({
          markdown: `# Cost, ${environment}\nCharges are those of the whole account in this month, and are only published in us-east-1, once billing alerts are switched on. \`tape cost --env ${environment}\` says what to expect.`,
          width: 24,
          height: 2,
        }),
      ],
      [
        graph('Charges this month, USD', [charges({}, 'all')]),
        graph(
          'Charges by service, USD',
          BILLED.map((service) => charges({ ServiceName: service }, service)),
        ),
        graph('Bytes into the streams, an hour', sum('AWS/Kinesis', 'IncomingBytes', resources.streams)),
      ],
      [
        graph(
          'Bytes through the NAT gateways, an hour',
          sum('AWS/NATGateway', 'BytesInFromDestination', resources.natGateways),
        ),
        graph(
          'Bytes into the lake, an hour',
          sum('AWS/Firehose', 'IncomingBytes', resources.deliveryStreams),
        ),
        graph('Functions: milliseconds run, an hour', sum('AWS/Lambda', 'Duration', resources.functions)),
      ],
      [
        graph('Bytes logged by the account, an hour', [
          serviceMetric('AWS/Logs', 'IncomingBytes', {}, { statistic: 'Sum', minutes: HOUR }),
        ]),
        graph(
          'Bytes in buckets',
          resources.buckets.map(({ name, dimensions }) =>
            serviceMetric(
              'AWS/S3',
              'BucketSizeBytes',
              { ...dimensions, StorageType: 'StandardStorage' },
              { statistic: 'Average', minutes: DAY, label: name },
            ),
          ),
        ),
      ],
    ],
  });
}
