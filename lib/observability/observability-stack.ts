import { Aws, Duration, type Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { addCostDashboard } from './cost-dashboard.ts';
import { addGathererDashboard } from './gatherer-dashboard.ts';
import { gatherers } from './gatherers.ts';
import { addJobAlarms } from './job-alarms.ts';
import { LineAlarms } from './line-alarms.ts';
import { addPollAlarms } from './poll-alarms.ts';
import { addResourceAlarms } from './resource-alarms.ts';
import { anyTwoOf, RunbookAlarms } from './runbook-alarms.ts';
import { addTapeAlarms } from './tape-alarms.ts';
import { addTapeDashboard } from './tape-dashboard.ts';
import { WatchedResources } from './watched-resources.ts';

export interface ObservabilityStackProps extends EnvironmentStackProps {
  /** Whatever of them can fail by itself is watched. */
  readonly stacks: readonly Stack[];
}

/** Of the budget: what was spent, and what the month will come to as it goes on. */
const BUDGET_THRESHOLDS = [
  { notificationType: 'ACTUAL', threshold: 80 },
  { notificationType: 'FORECASTED', threshold: 100 },
];

/** Dashboards, alarms that each name their runbook, and a budget. Holds no data; nothing else needs it. */
export class ObservabilityStack extends EnvironmentStack {
  constructor(scope: Construct, id: string, props: ObservabilityStackProps) {
    super(scope, id, { ...props, description: 'Dashboards, alarms and budget' });
    const { configuration } = this;
    const topic = this.#topic();
    const resources = new WatchedResources(props.stacks);
    const alarms = new RunbookAlarms(this, configuration.environment, topic);
    const lines = gatherers.map((gatherer) => new LineAlarms(alarms, configuration, gatherer));
    const down = lines.map((line) => line.down);
    alarms.combine('two-lines-down', anyTwoOf(down), {
      says: 'Two lines are down: the next loss would be a gap of the tape.',
      runbook: 'two-lines-down',
    });
    addTapeAlarms(alarms, configuration);
    addPollAlarms(alarms, configuration);
    addJobAlarms(alarms, configuration);
    addResourceAlarms(alarms, resources, configuration);
    addTapeDashboard(this, configuration, down);
    for (const gatherer of gatherers) addGathererDashboard(this, configuration, gatherer, resources);
    addCostDashboard(this, configuration, resources);
    this.#budget(topic);
  }

  /** Encrypted with a key of its own: alarms may not use the one that the service has for everybody. */
  #topic(): Topic {
    const { alarm_email } = this.configuration.deployment;
    const publishers = ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'];
    const key = new Key(this, 'TopicKey', {
      description: 'Alarms on their way to whoever is told',
      enableKeyRotation: true,
      removalPolicy: this.dataRemovalPolicy,
      pendingWindow: Duration.days(7),
    });
    const topic = new Topic(this, 'Alarms', { masterKey: key, enforceSSL: true });
    for (const publisher of publishers) {
      const principals = [
        new ServicePrincipal(publisher, {
          conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
        }),
      ];
      key.addToResourcePolicy(
        new PolicyStatement({
          principals,
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: ['*'],
        }),
      );
      topic.addToResourcePolicy(
        new PolicyStatement({ principals, actions: ['sns:Publish'], resources: [topic.topicArn] }),
      );
    }
    if (alarm_email !== '') topic.addSubscription(new EmailSubscription(alarm_email));
    else {
      this.warn(
        'nobody-is-told',
        'deployment.alarm_email is empty: no alarm tells anybody, and deploying this unsubscribes whoever was told before.',
      );
    }
    return topic;
  }

  #budget(topic: Topic): void {
    const { environment, deployment } = this.configuration;
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `prediction-tape-${environment}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: deployment.monthly_budget_dollars, unit: 'USD' },
        // Known to the bill once the tag is activated for cost allocation.
        costFilters: { TagKeyValue: [`user:environment$${environment}`] },
      },
      notificationsWithSubscribers: BUDGET_THRESHOLDS.map(({ notificationType, threshold }) => ({
        notification: {
          notificationType,
          comparisonOperator: 'GREATER_THAN',
          threshold,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [{ subscriptionType: 'SNS', address: topic.topicArn }],
      })),
    });
  }
}
