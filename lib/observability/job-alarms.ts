import type { Configuration } from '#src/config/schema.ts';
import { publishedMetric, type Statistic } from './published-metric.ts';
import type { AlarmTerms, RunbookAlarms } from './runbook-alarms.ts';

const HOUR_SECONDS = 3_600;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 1_440;
/** A day is exported within hours of its end, unless it does not settle. */
const EXPORT_BEHIND_HOURS = 36;
const AUDIT_BEHIND_HOURS = 6;

/** Periods in hours of which one at least holds a run: alarms of a job that runs seldom look that far. */
const hoursOf = (everySeconds: number): number => Math.max(1, Math.ceil(everySeconds / HOUR_SECONDS));

/** Alarms of export, audit and retention, where they run. */
export function addJobAlarms(alarms: RunbookAlarms, configuration: Configuration): void {
  const { export: exporting, audit, retention } = configuration;
  if (exporting.enabled) exportAlarms(alarms, configuration, hoursOf(exporting.interval_seconds));
  if (audit.enabled) auditAlarms(alarms, configuration, hoursOf(audit.interval_seconds));
  if (retention.enabled) retentionAlarms(alarms, configuration);
}

type Terms = Omit<AlarmTerms, 'when'>;

function exportAlarms(alarms: RunbookAlarms, { environment }: Configuration, hours: number): void {
  const add = (
    id: string,
    name: 'export_files_refused' | 'export_behind',
    statistic: Statistic,
    terms: Terms,
  ) => {
    const minutes = hours * HOUR_MINUTES;
    const metric = publishedMetric(environment, 'export', name, {}, { statistic, minutes });
    alarms.add(id, metric, { ...terms, when: 'above' });
  };
  add('export-refused', 'export_files_refused', 'Sum', {
    says: 'The tape has fewer rows of a day than its files.',
    runbook: 'export-refused',
    limit: 0,
    periods: 1,
  });
  add('export-behind', 'export_behind', 'Minimum', {
    says: `A day of the tape is not in files ${EXPORT_BEHIND_HOURS} hours after its end, or nothing exports.`,
    runbook: 'export-behind',
    limit: EXPORT_BEHIND_HOURS * HOUR_SECONDS,
    periods: 2,
    silenceIsFailure: true,
  });
}

function auditAlarms(alarms: RunbookAlarms, { environment }: Configuration, hours: number): void {
  const figure = (name: 'audit_findings' | 'audit_behind', statistic: Statistic) =>
    publishedMetric(environment, 'audit', name, {}, { statistic, minutes: hours * HOUR_MINUTES });
  alarms.add('audit-findings', figure('audit_findings', 'Sum'), {
    says: 'The tape is not what the lines received.',
    runbook: 'audit-findings',
    when: 'above',
    limit: 0,
    periods: 1,
  });
  alarms.add('audit-behind', figure('audit_behind', 'Minimum'), {
    says: `Settled time has not been audited wholly for ${AUDIT_BEHIND_HOURS} hours, or nothing audits.`,
    runbook: 'audit-behind',
    when: 'above',
    limit: AUDIT_BEHIND_HOURS * HOUR_SECONDS,
    periods: 2,
    silenceIsFailure: true,
  });
}

function retentionAlarms(alarms: RunbookAlarms, { environment, retention }: Configuration): void {
  const figure = (name: 'retention_days_held' | 'retention_days_left' | 'retention_days_due') =>
    publishedMetric(environment, 'retention', name, {}, { statistic: 'Minimum', minutes: DAY_MINUTES });
  alarms.add('retention-held', figure('retention_days_held'), {
    says: 'Days that are old enough to go are not on the tape, or not in files.',
    runbook: 'retention-held',
    when: 'above',
    limit: 0,
    periods: 2,
  });
  alarms.add('retention-unfinished', figure('retention_days_left'), {
    says: 'The retention does not come to the end of the old days: more become old than go.',
    runbook: 'retention-unfinished',
    when: 'above',
    limit: 0,
    periods: 3,
  });
  if (!retention.dry_run) return;
  alarms.add('retention-dry', figure('retention_days_due'), {
    says: 'Days would have gone, but for the dry run: the disks fill.',
    runbook: 'retention-dry',
    when: 'above',
    limit: 0,
    periods: 2,
  });
}
