import { readFileSync } from 'node:fs';
import { Template as Assertions, Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { type Resource, STATEFUL, Synthesized } from './synthesized.ts';

const demo = Synthesized.of('demo');
const prod = Synthesized.of('prod');
const environments = [
  ['demo', demo],
  ['prod', prod],
] as const;
const gatherers = ['a', 'b', 'c'] as const;

const assertions = (synthesized: Synthesized, stack: string): Assertions =>
  Assertions.fromJSON(structuredClone(synthesized.template(stack)) as unknown as Record<string, unknown>);

describe.each(environments)('the stacks of %s', (name, synthesized) => {
  it('are named after the environment and no others', () => {
    expect([...synthesized.templates.keys()].sort()).toEqual(
      [
        'archive',
        'catalogue',
        ...gatherers.flatMap((gatherer) => [
          `database-${gatherer}`,
          `gatherer-${gatherer}`,
          `line-${gatherer}`,
          `schema-${gatherer}`,
        ]),
        'jobs',
        'network',
        'observability',
        'production',
        'query',
        'schema-production',
      ].sort(),
    );
  });

  it('know no account', () => {
    for (const template of synthesized.templates.values()) {
      expect(JSON.stringify(template.Resources)).not.toMatch(/\b\d{12}\b/);
    }
  });

  it('keep data apart from what may be made anew', () => {
    const holding = [...synthesized.templates].filter(([, { Resources }]) =>
      Object.values(Resources).some(({ Type }) => STATEFUL.includes(Type)),
    );
    expect(holding.map(([stack]) => stack).sort()).toEqual([
      'archive',
      'catalogue',
      'line-a',
      'line-b',
      'line-c',
      'production',
    ]);
  });

  it.each(gatherers)('let line %s stand without the other lines', (gatherer) => {
    const neededBy = (first: string): string[] => {
      const needed = new Set<string>();
      const visit = (stack: string): void => {
        for (const next of synthesized.dependencies.get(stack) ?? []) {
          if (!needed.has(next)) {
            needed.add(next);
            visit(next);
          }
        }
      };
      visit(first);
      return [...needed].sort();
    };
    expect(neededBy(`gatherer-${gatherer}`)).toEqual([
      'archive',
      'catalogue',
      `line-${gatherer}`,
      'network',
      'query',
    ]);
    expect(neededBy(`database-${gatherer}`)).toEqual([`line-${gatherer}`, 'network']);
    expect(neededBy(`schema-${gatherer}`)).toEqual([`database-${gatherer}`, `line-${gatherer}`, 'network']);
  });

  it('let a database that cannot be migrated hold up nothing but its own schema', () => {
    for (const [stack, needed] of synthesized.dependencies)
      expect(
        needed.filter((other) => other.startsWith('schema-')),
        stack,
      ).toEqual([]);
    expect(synthesized.dependencies.get('schema-production')!.toSorted()).toEqual(['network', 'production']);
  });

  it('import only what another stack exports', () => {
    const exported = new Set(
      [...synthesized.templates.values()].flatMap(({ Outputs }) =>
        Object.values(Outputs ?? {}).map(({ Export }) => Export?.Name),
      ),
    );
    const imported = [
      ...JSON.stringify([...synthesized.templates.values()]).matchAll(/"Fn::ImportValue":"([^"]+)"/g),
    ];
    expect(imported.length).toBeGreaterThan(20);
    for (const [, value] of imported) expect(exported).toContain(value);
  });

  it('span three zones, with one line in each', () => {
    const network = synthesized.template('network').Resources;
    const zoneOfExport = (reference: { 'Fn::ImportValue': string }): string => {
      const output = Object.entries(synthesized.template('network').Outputs ?? {}).find(
        ([, { Export }]) => Export?.Name === reference['Fn::ImportValue'],
      );
      const subnet = (output![1] as unknown as { Value: { Ref: string } }).Value.Ref;
      expect(JSON.stringify(network[subnet]!.Properties.Tags)).toContain('compute');
      return JSON.stringify(network[subnet]!.Properties.AvailabilityZone);
    };
    const zones = gatherers.map((gatherer) => {
      const stack = `gatherer-${gatherer}`;
      const service = synthesized.resource('AWS::ECS::Service', stack);
      const { Subnets } = service.Properties.NetworkConfiguration.AwsvpcConfiguration;
      const writer = synthesized.resource('AWS::Lambda::Function', stack);
      expect(Subnets).toHaveLength(1);
      expect(writer.Properties.VpcConfig.SubnetIds).toEqual(Subnets);
      expect(service.Properties.DesiredCount).toBe(1);
      return zoneOfExport(Subnets[0]);
    });
    expect(new Set(zones).size).toBe(3);
  });

  it('let nobody in from outside', () => {
    const rules = [
      ...synthesized
        .resources('AWS::EC2::SecurityGroup')
        .flatMap(({ Properties }) => Properties.SecurityGroupIngress ?? []),
      ...synthesized.resources('AWS::EC2::SecurityGroupIngress').map(({ Properties }) => Properties),
    ];
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      expect(rule.CidrIp).not.toBe('0.0.0.0/0');
      expect(rule.CidrIpv6).toBeUndefined();
      if (rule.CidrIp === undefined) expect(rule.SourceSecurityGroupId).toBeDefined();
      // Within the network only: a reference to its own address range.
      else expect(typeof rule.CidrIp).toBe('object');
    }
    for (const { Properties } of synthesized.resources('AWS::EC2::Subnet')) {
      expect(Properties.MapPublicIpOnLaunch).toBe(false);
    }
    for (const { Properties } of synthesized.resources('AWS::EC2::Instance')) {
      expect(
        Properties.NetworkInterfaces.map((each: Resource['Properties']) => each.AssociatePublicIpAddress),
      ).toEqual([false]);
    }
    expect(synthesized.resource('AWS::RDS::DBInstance', 'production').Properties.PubliclyAccessible).toBe(
      false,
    );
    expect(synthesized.resources('AWS::Lambda::Url')).toEqual([]);
    expect(synthesized.resources('AWS::ElasticLoadBalancingV2::LoadBalancer')).toEqual([]);
  });

  it('encrypt everything that is kept', () => {
    for (const { Properties } of synthesized.resources('AWS::S3::Bucket')) {
      expect(Properties.BucketEncryption).toBeDefined();
      expect(Object.values(Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
    }
    const unversioned = [...synthesized.templates.values()].flatMap(({ Resources }) =>
      Object.entries(Resources)
        .filter(
          ([, { Type, Properties }]) =>
            Type === 'AWS::S3::Bucket' && Properties.VersioningConfiguration?.Status !== 'Enabled',
        )
        .map(([id]) => id.replace(/[0-9A-F]{8}$/, '')),
    );
    // What is deleted there has been delivered, and would still be counted.
    expect(unversioned).toEqual(['Undelivered', 'Undelivered', 'Undelivered']);
    for (const { Properties } of synthesized.resources('AWS::S3::BucketPolicy')) {
      expect(JSON.stringify(Properties.PolicyDocument)).toContain('"aws:SecureTransport":"false"');
    }
    for (const { Properties } of synthesized.resources('AWS::Kinesis::Stream')) {
      expect(Properties.StreamEncryption).toEqual({ EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' });
    }
    expect(
      synthesized.resource('AWS::DynamoDB::Table', 'catalogue').Properties.SSESpecification.SSEEnabled,
    ).toBe(true);
    expect(synthesized.resource('AWS::RDS::DBInstance', 'production').Properties.StorageEncrypted).toBe(true);
    for (const { Properties } of synthesized.resources('AWS::EC2::Volume')) {
      expect(Properties.Encrypted).toBe(true);
    }
    for (const { Properties } of synthesized.resources('AWS::EC2::Instance')) {
      for (const { Ebs } of Properties.BlockDeviceMappings) expect(Ebs.Encrypted).toBe(true);
    }
    const { ResultConfiguration, EnforceWorkGroupConfiguration } = synthesized.resource(
      'AWS::Athena::WorkGroup',
      'query',
    ).Properties.WorkGroupConfiguration;
    expect(ResultConfiguration.EncryptionConfiguration).toEqual({ EncryptionOption: 'SSE_S3' });
    expect(EnforceWorkGroupConfiguration).toBe(true);
    expect(synthesized.resource('AWS::SQS::Queue', 'jobs').Properties.SqsManagedSseEnabled).toBe(true);
  });

  it('accept no session without TLS', () => {
    const { Properties } = synthesized.resource('AWS::RDS::DBParameterGroup', 'production');
    expect(Properties.Family).toBe('postgres18');
    expect(Properties.Parameters).toEqual({ 'rds.force_ssl': '1' });
    expect(
      synthesized.resource('AWS::RDS::DBInstance', 'production').Properties.DBParameterGroupName,
    ).toBeDefined();
  });

  it('allow no action by wildcard but to what empties the buckets of a demo', () => {
    const allowed: string[] = [];
    const visit = (value: unknown, where: string): void => {
      if (value === null || typeof value !== 'object') return;
      const statement = value as { Effect?: string; Action?: string | string[] };
      if (statement.Effect === 'Allow') {
        for (const action of [statement.Action ?? []].flat())
          if (action.includes('*')) allowed.push(`${where} ${action}`);
      }
      for (const part of Object.values(value)) visit(part, where);
    };
    for (const template of synthesized.templates.values()) {
      for (const { Type, Properties } of Object.values(template.Resources)) visit(Properties, Type);
    }
    const emptying = ['s3:DeleteObject*', 's3:GetBucket*', 's3:List*'].map(
      (action) => `AWS::S3::BucketPolicy ${action}`,
    );
    // Without it the account would lose its own key.
    const administering = ['AWS::KMS::Key kms:*'];
    expect([...new Set(allowed)].sort()).toEqual([...administering, ...(name === 'demo' ? emptying : [])]);
  });

  it('give functions the actions that they need on this environment only', () => {
    const everywhere = new Set<string>();
    const documents = [
      ...synthesized.resources('AWS::IAM::Policy').map(({ Properties }) => Properties.PolicyDocument),
      ...synthesized
        .resources('AWS::IAM::Role')
        .flatMap(({ Properties }) => Properties.Policies ?? [])
        .map(({ PolicyDocument }) => PolicyDocument),
    ];
    for (const { Statement } of documents) {
      for (const statement of Statement) {
        if (statement.Resource === '*')
          for (const action of [statement.Action].flat()) everywhere.add(action);
      }
    }
    // Of services that know no resources for these.
    for (const action of everywhere)
      expect(action).toMatch(
        /^(xray:|logs:\w*(LogDeliver|ResourcePolic|LogGroups)|ecr:GetAuth|ec2:Describe|cloudwatch:PutMetricData$)/,
      );
  });

  it.each(gatherers)(
    'run gatherer %s as one task that is stopped gently and cannot write its own files',
    (gatherer) => {
      const stack = assertions(synthesized, `gatherer-${gatherer}`);
      stack.hasResourceProperties('AWS::ECS::Service', {
        DeploymentConfiguration: {
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
          MinimumHealthyPercent: 0,
          MaximumPercent: 100,
        },
        NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
      });
      stack.hasResourceProperties('AWS::ECS::TaskDefinition', {
        RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
        Volumes: [{ Name: 'data' }],
        ContainerDefinitions: [
          Match.objectLike({
            ReadonlyRootFilesystem: true,
            RestartPolicy: { Enabled: true, RestartAttemptPeriod: 60 },
            MountPoints: [{ ContainerPath: '/var/lib/gatherer', ReadOnly: false, SourceVolume: 'data' }],
            HealthCheck: Match.objectLike({
              Command: Match.arrayWith([Match.stringLikeRegexp('http://127\\.0\\.0\\.1:8080/health')]),
            }),
            LogConfiguration: Match.objectLike({ LogDriver: 'awslogs' }),
          }),
        ],
      });
      const [container] = synthesized.resource('AWS::ECS::TaskDefinition', `gatherer-${gatherer}`).Properties
        .ContainerDefinitions;
      const stopSeconds = Number(
        container.Environment.find(({ Name }: { Name: string }) => Name === 'STOP_SECONDS').Value,
      );
      expect(container.StopTimeout).toBeGreaterThan(stopSeconds);
      expect(container.StopTimeout).toBeLessThanOrEqual(120);
      expect(container.PortMappings).toBeUndefined();
    },
  );

  it.each(gatherers)('feed writer %s from its stream and keep what it gives up', (gatherer) => {
    const { deployment } = deployableConfiguration(name, {});
    const { Properties } = synthesized.resource('AWS::Lambda::EventSourceMapping', `gatherer-${gatherer}`);
    expect(Properties).toMatchObject({
      BatchSize: deployment.writer.batch_size,
      MaximumBatchingWindowInSeconds: deployment.writer.batching_window_seconds,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      StartingPosition: 'TRIM_HORIZON',
      // Before the stream forgets the record itself.
      MaximumRecordAgeInSeconds: (deployment.stream.retention_hours - 1) * 3_600,
    });
    // No limit on attempts.
    expect(Properties.MaximumRetryAttempts).toBeUndefined();
    const line = `prediction-tape-${name}-line-${gatherer}`;
    expect(Properties.EventSourceArn['Fn::ImportValue']).toMatch(new RegExp(`^${line}:.*Stream.*Arn`));
    expect(Properties.DestinationConfig.OnFailure.Destination['Fn::ImportValue']).toMatch(
      new RegExp(`^${line}:.*Undelivered.*Arn`),
    );
  });

  it('start each job on time, never without a place for a start that failed', () => {
    const schedules = synthesized.resources('AWS::Scheduler::Schedule', 'jobs');
    expect(schedules.map(({ Properties }) => Properties.ScheduleExpression).sort()).toEqual([
      'rate(1 day)',
      'rate(1 hour)',
      'rate(1 hour)',
      'rate(1 minute)',
      'rate(15 minutes)',
    ]);
    for (const { Properties } of schedules) expect(Properties.Target.DeadLetterConfig.Arn).toBeDefined();
    for (const { Properties } of synthesized.resources('AWS::StepFunctions::StateMachine', 'jobs')) {
      const text = Properties.DefinitionString as string;
      const named = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, placeholder]) => placeholder!);
      expect(new Set(named)).toEqual(new Set(Object.keys(Properties.DefinitionSubstitutions)));
      expect(JSON.parse(text).TimeoutSeconds).toBeGreaterThan(0);
    }
  });

  it('let no second execution of a job begin before the first is over by its own limit', () => {
    const resources = Object.entries(synthesized.template('jobs').Resources);
    const held = resources.flatMap(([id, { Type, Properties }]) => {
      const seconds = Properties?.Environment?.Variables?.LEASE_SECONDS;
      if (Type !== 'AWS::Lambda::Function' || seconds === undefined) return [];
      return [[id.replace(/Function.*/, ''), Number(seconds)] as const];
    });
    expect(held.map(([job]) => job).sort()).toEqual(['Audit', 'Export', 'Retention']);
    for (const [job, seconds] of held) {
      const [, machine] = resources.find(
        ([id, { Type }]) => Type === 'AWS::StepFunctions::StateMachine' && id.startsWith(job),
      )!;
      expect(JSON.parse(machine.Properties.DefinitionString).TimeoutSeconds).toBeLessThanOrEqual(seconds);
    }
  });

  it('hold in each database secret what a session needs', () => {
    const secrets = [...gatherers.map((gatherer) => `line-${gatherer}`), 'production'].map((stack) =>
      synthesized.resource('AWS::SecretsManager::Secret', stack),
    );
    for (const { Properties } of secrets)
      expect(Properties.GenerateSecretString.GenerateStringKey).toBe('password');
    const [first] = secrets;
    expect(JSON.parse(first!.Properties.GenerateSecretString.SecretStringTemplate)).toEqual({
      host: `database-a.${name}.prediction-tape.internal`,
      port: 5432,
      username: 'tape',
      dbname: 'tape',
    });
  });
});

/** Stacks that there are three of count as one. */
const kindOf = (stack: string): string => stack.replace(/-[abc]$/, '');

it('the architecture page draws the stacks, and what each needs, as they are', () => {
  const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  const [, diagram] = /## On AWS[\s\S]*?```mermaid\n([\s\S]*?)```/.exec(page)!;
  const drawn = [...diagram!.matchAll(/^ {2}([\w-]+) --> ([\w-]+)$/gm)].map(
    ([, from, to]) => `${from} needs ${to}`,
  );
  const listed = [...diagram!.matchAll(/^ {4}([\w-]+)$/gm)].map(([, stack]) => stack!);
  const { dependencies } = demo;
  const real = [...dependencies].flatMap(([stack, needed]) =>
    needed.map((other) => `${kindOf(stack)} needs ${kindOf(other)}`),
  );
  expect(drawn.sort()).toEqual([...new Set(real)].sort());
  expect(listed.sort()).toEqual([...new Set([...dependencies.keys()].map(kindOf))].sort());
});
