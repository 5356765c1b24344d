import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import type { MetricName } from '#src/telemetry/published-metrics.ts';
import { gatherers } from './gatherers.ts';
import { publishedMetric, type Statistic } from './published-metric.ts';
import { graph } from './widgets.ts';

/** The tape at a glance: is it complete, how late is it, where are gaps, do the lines agree? */
export function addTapeDashboard(
  scope: Construct,
  configuration: Configuration,
  alarms: readonly Alarm[],
): Dashboard {
  const { environment } = configuration;
  const venues = Object.entries(configuration.venues)
    .filter(([, { enabled }]) => enabled)
    .map(([venue]) => venue);
  const perVenue = (name: MetricName<'tapeVenue'>, statistic: Statistic) =>
    venues.map((venue) =>
      publishedMetric(environment, 'tapeVenue', name, { venue }, { statistic, label: venue }),
    );
  const merge = (name: MetricName<'merge'>, statistic: Statistic, label: string) =>
    publishedMetric(environment, 'merge', name, {}, { statistic, label });
  const poll = (name: MetricName<'snapshotPoll'>, statistic: Statistic) =>
    venues.map((venue) =>
      publishedMetric(
        environment,
        'snapshotPoll',
        name,
        { venue },
        { statistic, minutes: 15, label: `${venue} ${name.replace('snapshot_poll_', '')}` },
      ),
    );
  const job = <Group extends 'export' | 'audit' | 'retention'>(
    group: Group,
    name: MetricName<Group>,
    statistic: Statistic,
    label: string,
  ) => publishedMetric(environment, group, name, {}, { statistic, minutes: 60, label });
  const hashes = (name: MetricName<'bookHashes'>, label: string) =>
    venues.map((venue) =>
      publishedMetric(
        environment,
        'bookHashes',
        name,
        { venue },
        { statistic: 'Sum', minutes: 15, label: `${venue} ${label}` },
      ),
    );
  return new Dashboard(scope, 'Tape', {
    dashboardName: `prediction-tape-${environment}-tape`,
    widgets: [
      [new TextWidget({ markdown: `# The tape, ${environment}`, width: 24, height: 1 })],
      [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 5 })],
      [
        graph('Instruments that no line vouches for', perVenue('tape_instruments_in_gap', 'Maximum')),
        graph('Venues that no line vouches for', perVenue('tape_venue_in_gap', 'Maximum')),
        graph('Trades that all running lines saw, %', perVenue('tape_lines_agreeing', 'Minimum')),
      ],
      [
        graph('Venue to tape, median, ms', perVenue('tape_delay_p50', 'Maximum')),
        graph('Venue to tape, 99th percentile, ms', perVenue('tape_delay_p99', 'Maximum')),
        graph('Settled up to so many seconds ago', [
          publishedMetric(environment, 'tape', 'tape_settled_age', {}, { statistic: 'Maximum' }),
        ]),
      ],
      [
        new GraphWidget({
          title: 'Lines alive',
          width: 8,
          left: [publishedMetric(environment, 'tape', 'tape_lines_alive', {}, { statistic: 'Minimum' })],
          leftYAxis: { min: 0, max: gatherers.length },
        }),
        graph('Rows new on the tape, and confirmed by another line', [
          merge('merge_rows_inserted', 'Sum', 'new'),
          merge('merge_rows_confirmed', 'Sum', 'confirmed'),
        ]),
        graph('Merge', [
          merge('merge_duration', 'Maximum', 'duration, ms'),
          merge('merge_behind', 'Maximum', 'has more to read'),
          merge('merge_lines_away', 'Maximum', 'lines away'),
        ]),
      ],
      [
        graph('Lines put aside, records missing, deliveries failed', [
          publishedMetric(environment, 'writer', 'writer_lines_put_aside', {}, { statistic: 'Sum' }),
          publishedMetric(environment, 'writer', 'writer_records_missing', {}, { statistic: 'Sum' }),
          publishedMetric(environment, 'writer', 'writer_deliveries_failed', {}, { statistic: 'Sum' }),
        ]),
        graph('Order books by REST', [
          ...poll('snapshot_poll_open', 'Maximum'),
          ...poll('snapshot_poll_answered', 'Sum'),
        ]),
        graph('Snapshot poll: failed requests, coverage in %', [
          ...poll('snapshot_poll_failed_requests', 'Sum'),
          ...poll('snapshot_poll_coverage', 'Minimum'),
        ]),
      ],
      [
        graph("Books by REST and the venue's hash of them", [
          ...hashes('book_hashes_matched', 'matched'),
          ...hashes('book_hashes_unmatched', 'not matched'),
          ...hashes('book_hashes_not_checkable', 'not checkable'),
        ]),
        graph('Audit', [
          job('audit', 'audit_findings', 'Sum', 'findings'),
          job('audit', 'audit_spans', 'Sum', 'spans audited'),
          job('audit', 'audit_spans_failed', 'Sum', 'spans failed'),
          job('audit', 'audit_lines_away', 'Maximum', 'lines away'),
        ]),
        graph('Export and audit behind, s', [
          job('export', 'export_behind', 'Maximum', 'export'),
          job('audit', 'audit_behind', 'Maximum', 'audit'),
        ]),
      ],
      [
        graph('Export: files', [
          job('export', 'export_files_written', 'Sum', 'written'),
          job('export', 'export_files_refused', 'Sum', 'refused'),
          job('export', 'export_files_failed', 'Sum', 'failed'),
        ]),
        graph('Rows exported, and dropped by retention', [
          job('export', 'export_rows', 'Sum', 'exported'),
          job('retention', 'retention_rows_dropped', 'Sum', 'dropped'),
        ]),
        graph('Retention: days, databases, MB', [
          job('retention', 'retention_days_dropped', 'Sum', 'dropped'),
          job('retention', 'retention_days_due', 'Maximum', 'due in a dry run'),
          job('retention', 'retention_days_held', 'Maximum', 'held back'),
          job('retention', 'retention_days_left', 'Maximum', 'not looked at'),
          job('retention', 'retention_databases_failed', 'Sum', 'databases failed'),
          job('retention', 'retention_space_freed', 'Sum', 'MB freed'),
        ]),
      ],
      [
        graph('Database of the tape, MB', [
          publishedMetric(environment, 'tapeStorage', 'tape_database_size', {}, { statistic: 'Maximum' }),
        ]),
      ],
    ],
  });
}
