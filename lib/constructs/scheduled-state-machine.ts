import { readFileSync } from 'node:fs';
import { type CfnResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { SECONDS_METADATA } from '#src/contract/template-metadata.ts';
import { explainFindings } from '../explained-findings.ts';
import { projectFile } from '../project-files.ts';
import type { JobSetting } from './job-setting.ts';

export interface ScheduledStateMachineProps
  extends Pick<JobSetting, 'scheduleGroup' | 'deadLetters' | 'placement'> {
  /** File below `lib/state-machines`. */
  readonly definition: string;
  /** What `${Name}` stands for in the definition: the function that a state invokes. */
  readonly functions: Readonly<Record<string, IFunction>>;
  /** The scheduler knows no seconds: whole minutes, one at least. */
  readonly everySeconds: number;
  readonly enabled: boolean;
  /** No execution lives longer. */
  readonly timeoutSeconds: number;
}

/**
 * The definition with its time limit.
 * @throws Error when it names a function that is not given, or one that is given is not named.
 */
function definitionText({ definition, functions, timeoutSeconds }: ScheduledStateMachineProps): string {
  const text = readFileSync(projectFile(`lib/state-machines/${definition}`), 'utf8');
  const named = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!));
  const given = new Set(Object.keys(functions));
  const missing = [...named.difference(given)];
  const surplus = [...given.difference(named)];
  if (missing.length > 0) throw new Error(`${definition}: nothing is given for ${missing.join(', ')}`);
  if (surplus.length > 0) throw new Error(`${definition}: ${surplus.join(', ')} is not in it`);
  return JSON.stringify({ ...JSON.parse(text), TimeoutSeconds: timeoutSeconds });
}

/** A state machine from `lib/state-machines`, started on a schedule. */
export class ScheduledStateMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: ScheduledStateMachineProps) {
    super(scope, id);
    this.machine = new StateMachine(this, 'Machine', {
      definitionBody: DefinitionBody.fromString(definitionText(props)),
      definitionSubstitutions: Object.fromEntries(
        Object.entries(props.functions).map(([name, { functionArn }]) => [name, functionArn]),
      ),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', {
          retention: props.placement.logRetention,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ERROR,
        includeExecutionData: true,
      },
    });
    explainFindings(
      this.machine,
      {
        rule: 'AwsSolutions-SF1',
        reason:
          'An execution shows its own history for 90 days; of what succeeds, nobody reads another copy.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: 'Resource::*',
        reason: 'Delivery of logs and traces, which know no resources.',
      },
      {
        rule: 'AwsSolutions-IAM5',
        finding: /^Resource::<\w+\.Arn>:\*$/,
        reason: 'The versions of the functions that the definition names.',
      },
    );
    for (const handler of Object.values(props.functions)) handler.grantInvoke(this.machine);
    const every = Duration.minutes(Math.max(1, Math.ceil(props.everySeconds / 60)));
    const schedule = new Schedule(this, 'Schedule', {
      schedule: ScheduleExpression.rate(every),
      scheduleGroup: props.scheduleGroup,
      enabled: props.enabled,
      target: new StepFunctionsStartExecution(this.machine, {
        deadLetterQueue: props.deadLetters,
        // A start that is late is not made up for: the next one does its work.
        maxEventAge: every,
        retryAttempts: 3,
      }),
    });
    (schedule.node.defaultChild as CfnResource).addMetadata(SECONDS_METADATA, props.everySeconds);
  }
}
