import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import {
  type MetricName,
  metricsNamespace,
  type PublishedGroup,
  publishedMetrics,
} from '#src/telemetry/published-metrics.ts';

/** How a metric's values of one period become one. */
export type Statistic = 'Sum' | 'Average' | 'Minimum' | 'Maximum';

/**
 * A metric that the product publishes, in the namespace of an environment.
 *
 * @throws Error when the dimensions are not those of its group: such a metric would never have a value.
 */
export function publishedMetric<Group extends PublishedGroup>(
  environment: string,
  group: Group,
  name: MetricName<Group>,
  dimensions: Readonly<Record<string, string>>,
  options: { readonly statistic: Statistic; readonly minutes?: number; readonly label?: string },
): Metric {
  const declared: readonly string[] = publishedMetrics[group].dimensions;
  if (Object.keys(dimensions).sort().join() !== [...declared].sort().join()) {
    throw new Error(`${name} has the dimensions ${declared.join(', ') || '(none)'}`);
  }
  return new Metric({
    namespace: metricsNamespace(environment),
    metricName: name,
    dimensionsMap: { ...dimensions },
    statistic: options.statistic,
    period: Duration.minutes(options.minutes ?? 1),
    ...(options.label === undefined ? {} : { label: options.label }),
  });
}
