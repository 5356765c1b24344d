import { describe, expect, it } from 'vitest';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { STATEFUL, Synthesized } from './synthesized.ts';

const demo = Synthesized.of('demo');
const prod = Synthesized.of('prod');

describe('what is kept when stacks go', () => {
  const policies = (synthesized: Synthesized): Set<string | undefined> =>
    new Set(
      STATEFUL.flatMap((type) => synthesized.resources(type)).flatMap(
        ({ DeletionPolicy, UpdateReplacePolicy }) => [DeletionPolicy, UpdateReplacePolicy],
      ),
    );

  it('is every resource with data in prod', () => {
    expect(policies(prod)).toEqual(new Set(['Retain']));
    expect(prod.protectedStacks).toHaveLength(prod.templates.size);
  });

  it('is nothing in demo', () => {
    expect(policies(demo)).toEqual(new Set(['Delete']));
    expect(demo.protectedStacks).toEqual([]);
    expect(demo.resources('Custom::S3AutoDeleteObjects')).toHaveLength(
      demo.resources('AWS::S3::Bucket').length,
    );
  });

  it.each([
    ['demo', demo],
    ['prod', prod],
  ] as const)('is no log in %s: each ends after a time, and goes with its stack', (_, synthesized) => {
    for (const { Properties } of synthesized.resources('AWS::Lambda::Function'))
      expect(Properties.LoggingConfig?.LogGroup).toBeDefined();
    const logs = synthesized.resources('AWS::Logs::LogGroup');
    expect(logs.length).toBeGreaterThan(10);
    for (const { Properties, DeletionPolicy } of logs) {
      expect(Properties.RetentionInDays).toBeGreaterThan(0);
      expect(DeletionPolicy).toBe('Delete');
    }
  });

  it('is protected from deletion and can be restored in prod', () => {
    const database = prod.resource('AWS::RDS::DBInstance', 'production').Properties;
    expect(database).toMatchObject({
      DeletionProtection: true,
      MultiAZ: true,
      BackupRetentionPeriod: 14,
      DeleteAutomatedBackups: false,
    });
    const table = prod.resource('AWS::DynamoDB::Table', 'catalogue').Properties;
    expect(table.DeletionProtectionEnabled).toBe(true);
    expect(table.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
    expect(demo.resource('AWS::RDS::DBInstance', 'production').Properties.DeletionProtection).toBe(false);
    expect(demo.resource('AWS::DynamoDB::Table', 'catalogue').Properties.DeletionProtectionEnabled).toBe(
      false,
    );
  });
});

describe('differences between environments', () => {
  it('come from the configuration alone', () => {
    const configuration = deployableConfiguration('prod', {});
    const disguised = new Synthesized({ ...configuration, environment: 'demo' });
    const neutral = (synthesized: Synthesized): string[] =>
      [...synthesized.templates].flatMap(([stack, { Resources }]) =>
        Object.entries(Resources).map(([id, resource]) =>
          JSON.stringify([stack, id, resource])
            .replaceAll(/demo|prod/g, 'either')
            // Hashes have the names in them.
            .replaceAll(/[0-9A-F]{8,}|[0-9a-f]{8,}/g, '#'),
        ),
      );
    expect(disguised.protectedStacks).toEqual(prod.protectedStacks);
    const others = new Set(neutral(prod));
    expect(neutral(disguised).filter((resource) => !others.has(resource))).toEqual([]);
  });

  it('give streams as many shards as configured', () => {
    expect(prod.resource('AWS::Kinesis::Stream', 'line-b').Properties).toMatchObject({
      ShardCount: 8,
      RetentionPeriodHours: 72,
    });
    expect(demo.resource('AWS::Kinesis::Stream', 'line-b').Properties).toMatchObject({
      ShardCount: 1,
      RetentionPeriodHours: 24,
    });
  });

  it('move no logical id: a database of another size is the same database', () => {
    const ids = (synthesized: Synthesized): string[] =>
      [...synthesized.templates].flatMap(([stack, { Resources }]) =>
        Object.entries(Resources)
          .filter(([, { Type }]) => STATEFUL.includes(Type))
          .map(([id]) => `${stack}/${id}`),
      );
    expect(ids(demo)).toEqual(ids(prod));
    expect(ids(prod)).toMatchInlineSnapshot(`
      [
        "archive/AccessLogs8B620ECA",
        "archive/Raw72517081",
        "archive/Lake5F1B88EA",
        "archive/TapeA7B9FA3B",
        "archive/Results25575328",
        "catalogue/Catalogue6D2BB205",
        "line-a/Stream790BDEE4",
        "line-a/UndeliveredF3CF66A9",
        "line-a/DatabaseSecret86DBB7B3",
        "line-a/DatabaseVolume64D3EBA6",
        "line-b/Stream790BDEE4",
        "line-b/UndeliveredF3CF66A9",
        "line-b/DatabaseSecret86DBB7B3",
        "line-b/DatabaseVolume64D3EBA6",
        "line-c/Stream790BDEE4",
        "line-c/UndeliveredF3CF66A9",
        "line-c/DatabaseSecret86DBB7B3",
        "line-c/DatabaseVolume64D3EBA6",
        "production/CredentialsF8F243AA",
        "production/DatabaseB269D8BB",
      ]
    `);
  });
});
