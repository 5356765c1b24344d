import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import type { EventSourceSpecification } from '../event-source/event-source.ts';
import type { FunctionSpecification } from '../functions/function-host.ts';
import { type Permissions, permissionsOf } from '../permissions/policies.ts';
import { type Assembly, TemplateError } from './assembly.ts';
import { containersOf, type TemplateContainer } from './containers.ts';
import { eventSourcesOf, functionsOf } from './functions.ts';
import { Resolver } from './resolver.ts';
import {
  schedulesOf,
  stateMachinesOf,
  type TemplateSchedule,
  type TemplateStateMachine,
} from './schedules.ts';
import { type DatabaseSecrets, databaseSecretsOf } from './secrets.ts';
import { bucketsOf, streamsOf, type TemplateStream, tablesOf } from './stores.ts';

/** What the local run starts, and how it hangs together: nothing but what the templates say. */
export interface TemplateWiring {
  readonly region: string;
  readonly streams: readonly TemplateStream[];
  readonly tables: readonly CreateTableCommandInput[];
  readonly buckets: readonly string[];
  readonly functions: readonly FunctionSpecification[];
  readonly eventSources: readonly EventSourceSpecification[];
  readonly stateMachines: readonly TemplateStateMachine[];
  readonly schedules: readonly TemplateSchedule[];
  readonly containers: readonly TemplateContainer[];
  readonly databaseSecrets: DatabaseSecrets;
  readonly permissions: Permissions;
  /** Types of resources that have no counterpart in the local run, with how many there are. */
  readonly notStarted: Readonly<Record<string, number>>;
}

/** Types that the local run starts, or reads for what it starts. */
const TAKEN_UP = new Set([
  'AWS::Kinesis::Stream',
  'AWS::DynamoDB::Table',
  'AWS::S3::Bucket',
  'AWS::Lambda::Function',
  'AWS::Lambda::EventSourceMapping',
  'AWS::StepFunctions::StateMachine',
  'AWS::Scheduler::Schedule',
  'AWS::ECS::Service',
  'AWS::ECS::TaskDefinition',
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::SecretsManager::Secret',
  'AWS::SecretsManager::SecretTargetAttachment',
]);

/**
 * Reads the wiring out of the templates of one environment.
 *
 * @throws TemplateError naming what leads nowhere.
 */
export function wiringOf(assembly: Assembly): TemplateWiring {
  const [first] = assembly;
  if (first === undefined) throw new TemplateError('there are no stacks');
  const resolver = new Resolver(assembly);
  const streams = streamsOf(assembly, resolver);
  const buckets = bucketsOf(assembly);
  const functions = functionsOf(assembly, resolver);
  const stateMachines = stateMachinesOf(assembly, resolver);
  const notStarted: Record<string, number> = {};
  for (const { template } of assembly) {
    for (const { Type } of Object.values(template.Resources)) {
      if (!TAKEN_UP.has(Type)) notStarted[Type] = (notStarted[Type] ?? 0) + 1;
    }
  }
  return {
    region: first.region,
    streams,
    tables: tablesOf(assembly, resolver),
    buckets,
    functions,
    eventSources: eventSourcesOf(assembly, resolver, functions, streams, buckets),
    stateMachines,
    schedules: schedulesOf(assembly, resolver, stateMachines),
    containers: containersOf(assembly, resolver),
    databaseSecrets: databaseSecretsOf(assembly),
    permissions: permissionsOf(assembly, resolver),
    notStarted,
  };
}
