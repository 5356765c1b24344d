/** Units that CloudWatch knows, as far as they are used here. */
export type MetricUnit = 'Count' | 'Milliseconds' | 'Seconds' | 'Percent';

export interface Metric {
  readonly value: number;
  readonly unit: MetricUnit;
}

const NAMESPACE = 'PredictionTape';

/**
 * Metrics as one line of a function's log, in CloudWatch's embedded format: no request, and read by whatever
 * reads the log on a single machine.
 *
 * @param dimensions few values each: every combination is a metric of its own.
 */
export function embeddedMetrics(
  atMillis: number,
  dimensions: Readonly<Record<string, string>>,
  metrics: Readonly<Record<string, Metric>>,
): string {
  return JSON.stringify({
    _aws: {
      Timestamp: atMillis,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [Object.keys(dimensions)],
          Metrics: Object.entries(metrics).map(([Name, { unit }]) => ({ Name, Unit: unit })),
        },
      ],
    },
    ...dimensions,
    ...Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
  });
}

/** Writes them to the function's log. */
export function writeMetrics(...values: Parameters<typeof embeddedMetrics>): void {
  process.stdout.write(`${embeddedMetrics(...values)}\n`);
}
