import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmRule,
  ComparisonOperator,
  CompositeAlarm,
  type IAlarm,
  type IAlarmRule,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Statistic } from './published-metric.ts';

/** When a metric means that something is wrong, and which page says what to do about it. */
export interface AlarmTerms {
  /** One sentence: what is wrong. */
  readonly says: string;
  /** Page below `docs/runbooks`, without its ending. */
  readonly runbook: string;
  readonly when: 'above' | 'below';
  /** The first value that is still well. */
  readonly limit: number;
  /** Periods in a row for which it is so. */
  readonly periods: number;
  /** Whether no value at all is a failure; it is none by default. */
  readonly silenceIsFailure?: boolean;
}

/** A metric that AWS itself publishes. */
export function serviceMetric(
  namespace: string,
  name: string,
  dimensions: Readonly<Record<string, string>>,
  options: { readonly statistic: Statistic; readonly minutes: number; readonly label?: string },
): Metric {
  return new Metric({
    namespace,
    metricName: name,
    dimensionsMap: { ...dimensions },
    statistic: options.statistic,
    period: Duration.minutes(options.minutes),
    ...(options.label === undefined ? {} : { label: options.label }),
  });
}

/** A figure reckoned from metrics; `metrics` are named as in the expression. */
export function reckoned(
  expression: string,
  metrics: Readonly<Record<string, IMetric>>,
  options: { readonly minutes: number; readonly label: string },
): MathExpression {
  return new MathExpression({
    expression,
    usingMetrics: { ...metrics },
    label: options.label,
    period: Duration.minutes(options.minutes),
  });
}

/** Makes alarms that tell a topic, each with its runbook in its description. */
export class RunbookAlarms {
  readonly #scope: Construct;
  readonly #environment: string;
  readonly #topic: ITopic;

  constructor(scope: Construct, environment: string, topic: ITopic) {
    this.#scope = scope;
    this.#environment = environment;
    this.#topic = topic;
  }

  /** @param id says what is watched, e.g. `gatherer-a-line-down`; the alarm is named by it. */
  add(id: string, metric: IMetric, terms: AlarmTerms): Alarm {
    const alarm = new Alarm(this.#scope, id, {
      alarmName: this.#name(id),
      alarmDescription: this.#description(terms),
      metric,
      comparisonOperator:
        terms.when === 'above'
          ? ComparisonOperator.GREATER_THAN_THRESHOLD
          : ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: terms.limit,
      evaluationPeriods: terms.periods,
      treatMissingData:
        terms.silenceIsFailure === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.#topic));
    return alarm;
  }

  /** An alarm over alarms; it also tells when all is well again. */
  combine(id: string, rule: IAlarmRule, terms: Pick<AlarmTerms, 'says' | 'runbook'>): CompositeAlarm {
    const alarm = new CompositeAlarm(this.#scope, id, {
      compositeAlarmName: this.#name(id),
      alarmDescription: this.#description(terms),
      alarmRule: rule,
    });
    alarm.addAlarmAction(new SnsAction(this.#topic));
    alarm.addOkAction(new SnsAction(this.#topic));
    return alarm;
  }

  #name(id: string): string {
    return `prediction-tape-${this.#environment}-${id}`;
  }

  #description({ says, runbook }: Pick<AlarmTerms, 'says' | 'runbook'>): string {
    return `${says} Runbook: docs/runbooks/${runbook}.md`;
  }
}

/** Whether any of these alarms rings. */
export const anyOf = (alarms: readonly IAlarm[]): IAlarmRule => AlarmRule.anyOf(...alarms);

/** Whether two of these alarms ring at the same time. */
export function anyTwoOf(alarms: readonly IAlarm[]): IAlarmRule {
  const pairs = alarms.flatMap((first, index) =>
    alarms.slice(index + 1).map((second) => AlarmRule.allOf(first, second)),
  );
  return AlarmRule.anyOf(...pairs);
}
