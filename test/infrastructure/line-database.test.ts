import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Configuration } from '#src/config/schema.ts';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { type Resource, Synthesized } from './synthesized.ts';

const gatherers = ['a', 'b', 'c'] as const;
const zoneOf = { a: 0, b: 1, c: 2 } as const;

const read = (file: string): string =>
  readFileSync(new URL(`../../containers/timescaledb/${file}`, import.meta.url), 'utf8');

type LineDatabase = Configuration['deployment']['line_database'];

function withLineDatabase(environment: 'demo' | 'prod', change: Partial<LineDatabase>): Synthesized {
  const configuration = deployableConfiguration(environment, {});
  const { deployment } = configuration;
  return new Synthesized({
    ...configuration,
    deployment: { ...deployment, line_database: { ...deployment.line_database, ...change } },
  });
}

/** Everything of a value that is text, in order: what a join gives, with names for what is known at deployment. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  if ('Fn::ImportValue' in value) return `<${String(value['Fn::ImportValue'])}>`;
  if ('Ref' in value) return `<${String(value.Ref)}>`;
  return Object.values(value).map(textOf).join('');
}

const statementsOf = (
  role: Resource,
): { Action: string | string[]; Resource: unknown; Condition?: unknown }[] =>
  role.Properties.PolicyDocument.Statement;

describe.each(['demo', 'prod'] as const)('the database of a line in %s', (environment) => {
  const synthesized = Synthesized.of(environment);
  const { line_database } = deployableConfiguration(environment, {}).deployment;

  it.each(gatherers)('%s has its disk and its machine in the zone of the line', (gatherer) => {
    const volume = synthesized.resource('AWS::EC2::Volume', `line-${gatherer}`).Properties;
    const machine = synthesized.resource('AWS::EC2::Instance', `database-${gatherer}`).Properties;
    const zone = { 'Fn::Select': [zoneOf[gatherer], { 'Fn::GetAZs': '' }] };
    expect(volume.AvailabilityZone).toEqual(zone);
    expect(machine.AvailabilityZone).toEqual(zone);
    const service = synthesized.resource('AWS::ECS::Service', `gatherer-${gatherer}`).Properties;
    expect([machine.NetworkInterfaces[0].SubnetId]).toEqual(
      service.NetworkConfiguration.AwsvpcConfiguration.Subnets,
    );
    expect(volume).toMatchObject({
      VolumeType: 'gp3',
      Size: line_database.storage_gibibytes,
      Iops: line_database.iops,
      Throughput: line_database.throughput_mebibytes,
    });
  });

  it.each(gatherers)(
    '%s is let into by the functions of its line on one port, and by nobody else',
    (gatherer) => {
      const stack = `database-${gatherer}`;
      const [group] = synthesized.resources('AWS::EC2::SecurityGroup', stack);
      expect(group!.Properties.SecurityGroupIngress).toBeUndefined();
      const { Properties } = synthesized.resource('AWS::EC2::SecurityGroupIngress', stack);
      expect(Properties).toMatchObject({ FromPort: 5432, ToPort: 5432, IpProtocol: 'tcp' });
      expect(Properties.SourceSecurityGroupId['Fn::ImportValue']).toMatch(
        new RegExp(`line-${gatherer}:.*DatabaseClients`),
      );
      const machine = synthesized.resource('AWS::EC2::Instance', stack).Properties;
      expect(machine.KeyName).toBeUndefined();
      expect(machine.MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
    },
  );

  it.each(gatherers)('%s answers to the name that its secret holds', (gatherer) => {
    const record = synthesized.resource('AWS::Route53::RecordSet', `database-${gatherer}`).Properties;
    const secret = synthesized.resource('AWS::SecretsManager::Secret', `line-${gatherer}`).Properties;
    const { host, port } = JSON.parse(secret.GenerateSecretString.SecretStringTemplate);
    expect(record.Name).toBe(`${host}.`);
    expect(port).toBe(5432);
    expect(record.ResourceRecords).toEqual([
      { 'Fn::GetAtt': [expect.stringMatching(/^ServerInstance/), 'PrivateIp'] },
    ]);
  });

  it.each(gatherers)('%s is brought up at every boot, with what its script asks for', (gatherer) => {
    const stack = `database-${gatherer}`;
    const script = textOf(synthesized.resource('AWS::EC2::Instance', stack).Properties.UserData);
    expect(script).toContain('cloud_final_modules:\n  - [scripts-user, always]');
    const asked = [...read('host.sh').matchAll(/"\$\{(\w+):\?\}"/g)].map(([, name]) => name!);
    const given = [...script.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name]) => name!);
    expect(given.sort()).toEqual(asked.sort());
    expect(script).toMatch(
      new RegExp(`export VOLUME='<prediction-tape-${environment}-line-${gatherer}:.*Volume`),
    );
    expect(script).toMatch(
      new RegExp(`export SECRET='<prediction-tape-${environment}-line-${gatherer}:.*Secret`),
    );
    expect(script).toContain(
      `export HOST_NAME='database-${gatherer}.${environment}.prediction-tape.internal'`,
    );
    expect(script).toContain(read('host.sh').trimEnd());
  });

  it.each(gatherers)('%s may attach its own volume to its own machine only', (gatherer) => {
    const stack = `database-${gatherer}`;
    const attaching = statementsOf(synthesized.resource('AWS::IAM::Policy', stack)).filter(({ Action }) =>
      [Action].flat().includes('ec2:AttachVolume'),
    );
    expect(attaching).toHaveLength(2);
    const [volume, machine] = attaching;
    expect(volume!.Action).toEqual(['ec2:AttachVolume', 'ec2:CreateTags']);
    expect(machine!.Action).toBe('ec2:AttachVolume');
    expect(textOf(volume!.Resource)).toMatch(
      new RegExp(`:volume/<prediction-tape-${environment}-line-${gatherer}:`),
    );
    expect(textOf(machine!.Resource)).toMatch(/:instance\/\*$/);
    const tag = 'prediction-tape:line-database-machine';
    expect(machine!.Condition).toEqual({
      StringEquals: { [`aws:ResourceTag/${tag}`]: `${environment}-${gatherer}` },
    });
    expect(synthesized.resource('AWS::EC2::Instance', stack).Properties.Tags).toContainEqual({
      Key: tag,
      Value: `${environment}-${gatherer}`,
    });
  });
});

describe('snapshots of the volumes', () => {
  const prod = Synthesized.of('prod');
  const demo = Synthesized.of('demo');

  it('are made daily in prod, of exactly the volume of the line, and kept as long as configured', () => {
    for (const gatherer of gatherers) {
      const { PolicyDetails, State } = prod.resource(
        'AWS::DLM::LifecyclePolicy',
        `line-${gatherer}`,
      ).Properties;
      expect(State).toBe('ENABLED');
      expect(PolicyDetails.ResourceTypes).toEqual(['VOLUME']);
      const [tag] = PolicyDetails.TargetTags;
      expect(tag.Value).toBe(`prod-${gatherer}`);
      expect(prod.resource('AWS::EC2::Volume', `line-${gatherer}`).Properties.Tags).toContainEqual(tag);
      expect(PolicyDetails.Schedules).toMatchObject([
        {
          CreateRule: { Interval: 24, IntervalUnit: 'HOURS' },
          RetainRule: { Interval: 14, IntervalUnit: 'DAYS' },
        },
      ]);
    }
  });

  it('are not made in demo, where they would outlive their environment', () => {
    expect(demo.resources('AWS::DLM::LifecyclePolicy')).toEqual([]);
  });
});

describe('a volume that was made from a snapshot', () => {
  const restored = withLineDatabase('prod', {
    restored_volumes: { a: undefined, b: 'vol-0123456789abcdef0', c: undefined },
  });

  it('takes the place of the own one, which stays', () => {
    const script = textOf(restored.resource('AWS::EC2::Instance', 'database-b').Properties.UserData);
    expect(script).toContain("export VOLUME='vol-0123456789abcdef0'");
    expect(restored.resource('AWS::EC2::Volume', 'line-b').DeletionPolicy).toBe('Retain');
    const [statement] = statementsOf(restored.resource('AWS::IAM::Policy', 'database-b')).filter(
      ({ Action }) => Action.includes('ec2:CreateTags'),
    );
    expect(textOf(statement!.Resource)).toMatch(/:volume\/vol-0123456789abcdef0$/);
  });

  it('leaves what the machine before it still imports of the line', () => {
    const imported = JSON.stringify(Synthesized.of('prod').template('database-b').Resources).matchAll(
      /"Fn::ImportValue":"(prediction-tape-prod-line-b:[^"]+)"/g,
    );
    const exported = Object.values(restored.template('line-b').Outputs ?? {}).map(
      ({ Export }) => Export?.Name,
    );
    const needed = [...imported].map(([, name]) => name);
    expect(needed.some((name) => name?.includes('Volume'))).toBe(true);
    expect(exported).toEqual(expect.arrayContaining(needed));
  });

  it('is the one that snapshots are made of', () => {
    const { PolicyDetails } = restored.resource('AWS::DLM::LifecyclePolicy', 'line-b').Properties;
    const [{ Key, Value }] = PolicyDetails.TargetTags;
    const script = textOf(restored.resource('AWS::EC2::Instance', 'database-b').Properties.UserData);
    expect(script).toContain(`export VOLUME_TAG='Key=${Key},Value=${Value}'`);
    const tags: { Key: string }[] = restored.resource('AWS::EC2::Volume', 'line-b').Properties.Tags;
    expect(tags.map((tag) => tag.Key)).not.toContain(Key);
  });
});

describe('databases that somebody else runs', () => {
  const arn = (gatherer: string): string =>
    `arn:aws:secretsmanager:us-east-1:111122223333:secret:line-${gatherer}-AbCdEf`;
  const managed = withLineDatabase('prod', {
    managed: { secrets: { a: arn('a'), b: arn('b'), c: arn('c') }, network: '10.20.0.0/16', port: 6432 },
  });

  it('need no machine, disk or secret of ours', () => {
    expect([...managed.templates.keys()].filter((stack) => stack.startsWith('database-'))).toEqual([]);
    for (const type of ['AWS::EC2::Instance', 'AWS::EC2::Volume', 'AWS::DLM::LifecyclePolicy'])
      expect(managed.resources(type)).toEqual([]);
    expect(managed.resources('AWS::SecretsManager::Secret', 'line-a')).toEqual([]);
    expect(managed.validation).toEqual([]);
  });

  it.each(gatherers)(
    'are reached from line %s with the given secret, at the given addresses only',
    (gatherer) => {
      const writer = managed.resource('AWS::Lambda::Function', `gatherer-${gatherer}`).Properties;
      expect(writer.Environment.Variables.DATABASE_SECRET).toBe(arn(gatherer));
      const groups = managed.resources('AWS::EC2::SecurityGroup', `line-${gatherer}`);
      expect(groups).toHaveLength(1);
      expect(groups[0]!.Properties.SecurityGroupEgress).toMatchObject([
        { CidrIp: '10.20.0.0/16', FromPort: 6432, ToPort: 6432 },
      ]);
    },
  );
});
