import { metricLine, type PublishedGroup } from '#src/telemetry/published-metrics.ts';

/** Writes the metrics of a group to the function's log, from where CloudWatch takes them. */
export function writeMetrics<Group extends PublishedGroup>(
  ...line: Parameters<typeof metricLine<Group>>
): void {
  process.stdout.write(`${metricLine<Group>(...line)}\n`);
}
