import { describe, expect, it } from 'vitest';
import type { AwsCall } from '#src/contract/aws-call.ts';
import type { RolePermissions } from '../../local/permissions/policies.ts';
import { resourcesOf } from '../../local/template/assembly.ts';
import { ACCOUNT, arnOf } from '../../local/template/identities.ts';
import { projectPath } from '../../local/template/project-path.ts';
import { Properties } from '../../local/template/properties.ts';
import { Resolver } from '../../local/template/resolver.ts';
import { wiringOf } from '../../local/template/wiring.ts';
import { assemblyOf, configurationOf, ENVIRONMENTS } from './assembly.ts';
import { programs } from './programs.ts';

/** What Lambda asks of a stream with the role of the function that it feeds. */
const POLLING = [
  'DescribeStream',
  'DescribeStreamConsumer',
  'DescribeStreamSummary',
  'GetRecords',
  'GetShardIterator',
  'ListShards',
  'ListStreams',
  'SubscribeToShard',
];
const TRACING = ['xray:PutTelemetryRecords *', 'xray:PutTraceSegments *'];
/** What a state machine needs to deliver its log and its traces; none of it is about one resource. */
const OBSERVED = [
  'logs:CreateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:DescribeLogGroups',
  'logs:DescribeResourcePolicies',
  'logs:GetLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:UpdateLogDelivery',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
].map((action) => `${action} *`);

/** Every pair of action and resource that a role is allowed, sorted. */
function allowed({ statements }: RolePermissions): string[] {
  expect(statements.filter(({ effect, conditional }) => effect !== 'Allow' || conditional)).toEqual([]);
  const pairs = statements.flatMap(({ actions, resources }) =>
    actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`)),
  );
  return [...new Set(pairs)].sort();
}

describe.each(ENVIRONMENTS)('the permissions in the templates of %s', (name) => {
  const configuration = configurationOf(name);
  const assembly = assemblyOf(configuration);
  const resolver = new Resolver(assembly);
  const wiring = wiringOf(assembly);
  const { region, permissions, eventSources } = wiring;

  /** The ARN of what a variable of a program names. */
  function named(service: string, value: string): string {
    const arn = (rest: string): string => `arn:aws:${service}:${region}:${ACCOUNT}:${rest}`;
    if (value.startsWith('arn:')) return value;
    if (service === 'kinesis') return arn(`stream/${value}`);
    if (service === 'dynamodb') return arn(`table/${value}`);
    if (service === 's3') return `arn:aws:s3:::${value}`;
    return arn(`secret:${value}-??????`);
  }

  /** The pairs that a program's declared calls come to, given its environment. */
  function declared(
    calls: readonly AwsCall<string>[],
    environment: Readonly<Record<string, string>>,
  ): string[] {
    return calls.flatMap(({ action, on }) => {
      const service = action.split(':')[0]!;
      if (on === 'kalshiKey') {
        const { enabled, key_secret } = configuration.venues.kalshi;
        return enabled && key_secret !== '' ? [`${action} ${named(service, key_secret)}`] : [];
      }
      if ('objectsOf' in on) return [`${action} ${named(service, environment[on.objectsOf]!)}/*`];
      return on.variables
        .filter((variable) => environment[variable] !== undefined)
        .map((variable) => `${action} ${named(service, environment[variable]!)}`);
    });
  }

  it.each(Object.entries(programs))(
    'of %s are the calls that it declares, no more and no less',
    (module, contract) => {
      const functions = wiring.functions.filter((item) => item.module === projectPath(module));
      const containers = wiring.containers.filter((item) => item.module === projectPath(module));
      expect(functions.length + containers.length).toBe(contract.count);
      for (const { role, environment } of containers) {
        expect(permissions[role]!.managed).toEqual([]);
        expect(allowed(permissions[role]!)).toEqual(declared(contract.calls, environment).sort());
      }
      for (const { role, environment, name: functionName } of functions) {
        const fed = eventSources.filter((source) => source.functionName === functionName);
        const expected = [
          ...TRACING,
          ...declared(contract.calls, environment),
          ...fed.flatMap(({ streamArn, onFailureBucket }) => [
            ...POLLING.map((action) => `kinesis:${action} ${streamArn}`),
            `s3:PutObject arn:aws:s3:::${onFailureBucket}/*`,
            `s3:ListBucket arn:aws:s3:::${onFailureBucket}`,
          ]),
        ];
        expect(allowed(permissions[role]!)).toEqual(expected.sort());
        // Logs, and the network interface within the VPC.
        expect(permissions[role]!.managed).toEqual([
          'AWSLambdaBasicExecutionRole',
          'AWSLambdaVPCAccessExecutionRole',
        ]);
      }
    },
  );

  it('are no role’s of two programs', () => {
    const roles = [...wiring.functions, ...wiring.containers, ...wiring.stateMachines].map(
      ({ role }) => role,
    );
    expect(new Set(roles).size).toBe(roles.length);
  });

  it('let a state machine invoke the functions in its definition, and no others', () => {
    expect(wiring.stateMachines).toHaveLength(5);
    for (const { role, definition } of wiring.stateMachines) {
      const invoked = [...JSON.stringify(definition).matchAll(/"FunctionName":"([^"]+)"/g)].map(
        ([, arn]) => arn!,
      );
      expect(invoked.length).toBeGreaterThan(0);
      expect(allowed(permissions[role]!)).toEqual(
        [
          ...OBSERVED,
          ...TRACING,
          ...[...new Set(invoked)].flatMap((arn) => [
            `lambda:InvokeFunction ${arn}`,
            `lambda:InvokeFunction ${arn}:*`,
          ]),
        ].sort(),
      );
    }
  });

  it('let a schedule start its state machine and put a failed start aside, and nothing else', () => {
    const schedules = resourcesOf(assembly, 'AWS::Scheduler::Schedule');
    expect(schedules).toHaveLength(5);
    const queues = resourcesOf(assembly, 'AWS::SQS::Queue').map(arnOf);
    for (const located of schedules) {
      const properties = new Properties(located, resolver);
      const deadLetters = properties.text('Target.DeadLetterConfig.Arn');
      expect(queues).toContain(deadLetters);
      expect(allowed(permissions[properties.text('Target.RoleArn')]!)).toEqual([
        `sqs:SendMessage ${deadLetters}`,
        `states:StartExecution ${properties.text('Target.Arn')}`,
      ]);
    }
  });
});
