import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
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

/** A state machine from `lib/state-machines`, started on a schedule. */
export class ScheduledStateMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: ScheduledStateMachineProps) {
    super(scope, id);
    this.machine = new StateMachine(this, 'Machine', {
      definitionBody: DefinitionBody.fromFile(projectFile(`lib/state-machines/${props.definition}`)),
      definitionSubstitutions: Object.fromEntries(
        Object.entries(props.functions).map(([name, { functionArn }]) => [name, functionArn]),
      ),
      timeout: Duration.seconds(props.timeoutSeconds),
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
    for (const handler of Object.values(props.functions)) handler.grantInvoke(this.machine);
    const every = Duration.minutes(Math.max(1, Math.ceil(props.everySeconds / 60)));
    new Schedule(this, 'Schedule', {
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
  }
}
