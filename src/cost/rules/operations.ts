import { publishedMetrics } from '../../telemetry/published-metrics.ts';
import { GB, MONTH_SECONDS } from '../load.ts';
import { type BillingRule, type Charge, type Estate, LINES, ofType } from './rule.ts';

const VENUES = 2;
/** Of a line of metrics in the log, with its metadata. */
const METRIC_LINE_BYTES = 900;
/** Of what a function says of a delivery or of a run. */
const FUNCTION_LINE_BYTES = 350;
/** Two images, a few of each kept. */
const IMAGE_GIGABYTES = 3;
/** The operator's own: the venue's key. */
const SECRETS_OF_OTHERS = 1;
/** Where a line's rows are merged in another zone than its own. */
const OTHER_ZONES = 2 / 3;
const DAYS_PER_MONTH = 30;

/** Metrics that the product publishes, one for every combination of dimensions. */
export function publishedMetricCount(): number {
  const values: Readonly<Record<string, number>> = { gatherer: LINES, venue: VENUES };
  return Object.values(publishedMetrics).reduce(
    (sum, { dimensions, units }) =>
      sum +
      Object.keys(units).length *
        (dimensions as readonly string[]).reduce((product, dimension) => product * values[dimension]!, 1),
    0,
  );
}

const alarm: BillingRule = ({ properties }) => [
  {
    service: 'CloudWatch',
    item: 'alarms',
    quantity: (properties.Metrics ?? [{ MetricStat: {} }]).filter(
      ({ MetricStat }: { MetricStat?: unknown }) => MetricStat !== undefined,
    ).length,
    price: 'cloudwatch_alarm_metric_month',
  },
];

const one =
  (service: string, item: string, price: string): BillingRule =>
  () => [{ service, item, quantity: 1, price }];

/** Alarms, keys, secrets, names. */
export const operationRules: Readonly<Record<string, BillingRule>> = {
  'AWS::CloudWatch::Alarm': alarm,
  'AWS::CloudWatch::CompositeAlarm': one('CloudWatch', 'composite alarms', 'cloudwatch_composite_month'),
  'AWS::CloudWatch::Dashboard': one('CloudWatch', 'dashboards', 'cloudwatch_dashboard_month'),
  'AWS::KMS::Key': one('Keys and secrets', 'keys', 'kms_key_month'),
  'AWS::SecretsManager::Secret': one('Keys and secrets', 'secrets', 'secret_month'),
  'AWS::Route53::HostedZone': one('Network', 'private zone', 'hosted_zone_month'),
};

/** What no single resource declares. */
export function estateCharges(estate: Estate): Charge[] {
  const { assumptions, traffic } = estate;
  const retention = Math.max(
    0,
    ...ofType(estate, 'AWS::Logs::LogGroup').map(({ properties }) => Number(properties.RetentionInDays ?? 0)),
  );
  const gathererBytes =
    (LINES *
      (assumptions.log_lines_per_minute * assumptions.log_line_bytes + (1 + VENUES) * METRIC_LINE_BYTES)) /
    60;
  const writerBytes = LINES * Math.min(traffic.records, 4) * FUNCTION_LINE_BYTES;
  const logs =
    ((gathererBytes + writerBytes + (FUNCTION_LINE_BYTES + 3 * METRIC_LINE_BYTES) / 60) * MONTH_SECONDS) / GB;
  return [
    {
      service: 'CloudWatch',
      item: 'metrics that the product publishes',
      quantity: publishedMetricCount(),
      price: 'cloudwatch_metric_month',
    },
    { service: 'CloudWatch', item: 'logs', quantity: logs, price: 'logs_gb' },
    {
      service: 'CloudWatch',
      item: 'logs kept',
      quantity: (logs * retention) / DAYS_PER_MONTH,
      price: 'logs_kept_gb_month',
    },
    {
      service: 'Network',
      item: 'between zones',
      quantity: (LINES * OTHER_ZONES * traffic.lines * assumptions.row_bytes * MONTH_SECONDS) / GB,
      price: 'between_zones_gb',
    },
    { service: 'Keys and secrets', item: 'secrets', quantity: SECRETS_OF_OTHERS, price: 'secret_month' },
    { service: 'Images', item: 'kept', quantity: IMAGE_GIGABYTES, price: 'ecr_gb_month' },
  ];
}
