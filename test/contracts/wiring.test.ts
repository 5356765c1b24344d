import { describe, expect, it } from 'vitest';
import { type Assembly, TemplateError } from '../../local/template/assembly.ts';
import { projectPath } from '../../local/template/project-path.ts';
import { wiringOf } from '../../local/template/wiring.ts';
import { assemblyOf, changed, configurationOf } from './assembly.ts';

const configuration = configurationOf('local');
const assembly = assemblyOf(configuration);
const wiring = wiringOf(assembly);
const lines = ['a', 'b', 'c'] as const;
const module = (folder: string): string => projectPath(`lambdas/${folder}/handler.ts`);

describe('the wiring that is read from the templates', () => {
  it('has one stream per line with the configured shards', () => {
    expect(wiring.streams.map(({ shards }) => shards)).toEqual([2, 2, 2]);
    for (const [index, line] of lines.entries()) {
      expect(wiring.streams[index]!.name).toMatch(new RegExp(`^prediction-tape-local-line-${line}-`));
    }
  });

  it('feeds each line’s writer from its own stream as its mapping says', () => {
    expect(wiring.eventSources).toHaveLength(3);
    for (const [index, line] of lines.entries()) {
      const source = wiring.eventSources[index]!;
      const writer = wiring.functions.find(({ name }) => name === source.functionName)!;
      const secret = writer.environment['DATABASE_SECRET']!;
      expect(writer.module).toBe(module('writer'));
      expect(writer.handler).toBe('handler');
      expect(wiring.databaseSecrets[secret]).toBe(line);
      expect(source).toMatchObject({
        stream: wiring.streams[index]!.name,
        role: writer.role,
        batchSize: configuration.deployment.writer.batch_size,
        maximumBatchingWindowSeconds: 0,
        bisectBatchOnFunctionError: true,
        maximumRetryAttempts: -1,
        maximumRecordAgeSeconds: 23 * 3_600,
        startingPosition: 'TRIM_HORIZON',
        reportsBatchItemFailures: true,
      });
      expect(wiring.buckets).toContain(source.onFailureBucket);
    }
  });

  it('gives each gatherer its own line’s stream', () => {
    expect(wiring.containers).toHaveLength(3);
    for (const [index, line] of lines.entries()) {
      const { module: started, environment } = wiring.containers[index]!;
      expect(started).toBe(projectPath('containers/gatherer/main.ts'));
      expect(environment['GATHERER']).toBe(line);
      expect(environment['STREAM_NAME']).toBe(wiring.streams[index]!.name);
      expect(wiring.buckets).toContain(environment['RAW_BUCKET']);
      expect(environment['CATALOGUE_TABLE']).toBe(wiring.tables[0]!.TableName);
    }
  });

  it('has the catalogue’s table with its keys', () => {
    expect(wiring.tables).toHaveLength(1);
    expect(wiring.tables[0]).toMatchObject({
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    });
  });

  it('runs each job at its configured interval, with functions that are there', () => {
    const everyInvoked = wiring.stateMachines.map(({ arn, definition }) => ({
      every: wiring.schedules.find(({ target }) => target === arn)!.everySeconds,
      modules: [...JSON.stringify(definition).matchAll(/"FunctionName":"([^"]+)"/g)].map(
        ([, named]) => wiring.functions.find((item) => item.arn === named)?.module,
      ),
    }));
    expect(everyInvoked).toEqual([
      { every: configuration.merge.interval_seconds, modules: [module('merge')] },
      {
        every: configuration.snapshot_poll.interval_seconds,
        modules: [module('snapshot-plan'), module('snapshot-poll'), module('snapshot-report')],
      },
      ...(['export', 'audit', 'retention'] as const).map((job) => ({
        every: configuration[job].interval_seconds,
        // Plan, piece, finish, abandon.
        modules: Array.from({ length: 4 }, () => module(job)),
      })),
    ]);
  });

  it('leaves out a schedule that the configuration switches off', () => {
    const off = {
      ...configuration,
      snapshot_poll: { ...configuration.snapshot_poll, enabled: false },
      export: { ...configuration.export, enabled: false },
      audit: { ...configuration.audit, enabled: false },
      retention: { ...configuration.retention, enabled: false },
    };
    expect(wiringOf(assemblyOf(off)).schedules.map(({ everySeconds }) => everySeconds)).toEqual([
      configuration.merge.interval_seconds,
    ]);
  });

  it('names what has no counterpart in a local run', () => {
    expect(wiring.notStarted).toMatchObject({ 'AWS::EC2::VPC': 1, 'AWS::RDS::DBInstance': 1 });
    expect(wiring.notStarted).not.toHaveProperty('AWS::Kinesis::Stream');
  });
});

describe('a reference that leads nowhere is refused by name', () => {
  const cases: readonly [string, () => Assembly, RegExp][] = [
    [
      'an export that no stack has',
      () =>
        changed(assembly, 'gatherer-b', 'AWS::Lambda::EventSourceMapping', ({ Properties }) => {
          Properties.EventSourceArn = { 'Fn::ImportValue': 'nothing' };
        }),
      /gatherer-b: .*EventSourceArn: no stack exports nothing/,
    ],
    [
      'a resource that its stack does not have',
      () =>
        changed(assembly, 'gatherer-a', 'AWS::Lambda::EventSourceMapping', ({ Properties }) => {
          Properties.FunctionName = { Ref: 'Wrtier' };
        }),
      /gatherer-a: .*FunctionName: there is no resource Wrtier/,
    ],
    [
      'an event source that is no stream',
      () =>
        changed(assembly, 'gatherer-a', 'AWS::Lambda::EventSourceMapping', ({ Properties }) => {
          Properties.EventSourceArn = Properties.DestinationConfig.OnFailure.Destination;
        }),
      /gatherer-a\/.*: there is no stream arn:aws:s3:::/,
    ],
    [
      'an on-failure destination that is no bucket',
      () =>
        changed(assembly, 'gatherer-a', 'AWS::Lambda::EventSourceMapping', ({ Properties }) => {
          Properties.DestinationConfig.OnFailure.Destination = Properties.EventSourceArn;
        }),
      /gatherer-a\/.*: there is no bucket arn:aws:kinesis:/,
    ],
    [
      'a setting of an event source that the run does not imitate',
      () =>
        changed(assembly, 'gatherer-a', 'AWS::Lambda::EventSourceMapping', ({ Properties }) => {
          Properties.FilterCriteria = { Filters: [] };
        }),
      /gatherer-a\/.*: the local run does not imitate FilterCriteria/,
    ],
    [
      'a definition with a placeholder that nothing fills',
      () =>
        changed(
          assembly,
          'jobs',
          'AWS::StepFunctions::StateMachine',
          ({ Properties }) => {
            Properties.DefinitionSubstitutions = {};
          },
          (id) => id.startsWith('Merge'),
        ),
      /jobs\/Merge.*: nothing is given for \$\{MergeFunctionArn\}/,
    ],
    [
      'a schedule that starts no state machine',
      () =>
        changed(
          assembly,
          'jobs',
          'AWS::Scheduler::Schedule',
          ({ Properties }) => {
            Properties.Target.Arn = Properties.Target.DeadLetterConfig.Arn;
          },
          (id) => id.startsWith('Merge'),
        ),
      /jobs\/Merge.*: there is no state machine arn:aws:sqs:/,
    ],
    [
      'a rate that is not made of the configured seconds',
      () =>
        changed(
          assembly,
          'jobs',
          'AWS::Scheduler::Schedule',
          ({ Properties }) => {
            Properties.ScheduleExpression = 'rate(2 minutes)';
          },
          (id) => id.startsWith('Merge'),
        ),
      /jobs\/Merge.*: 2 s do not make a rate of 120 s/,
    ],
    [
      'a service of a task that is not there',
      () =>
        changed(assembly, 'gatherer-c', 'AWS::ECS::Service', ({ Properties }) => {
          Properties.TaskDefinition = 'elsewhere';
        }),
      /gatherer-c\/.*: there is no task elsewhere/,
    ],
    [
      'a line without a secret for its database',
      () =>
        changed(assembly, 'line-b', 'AWS::SecretsManager::Secret', ({ Properties }) => {
          delete Properties.GenerateSecretString;
        }),
      /expected one secret with a dbname in stack line-b, found 0/,
    ],
  ];

  it.each(cases)('%s', (_, broken, message) => {
    const read = () => wiringOf(broken());
    expect(read).toThrow(TemplateError);
    expect(read).toThrow(message);
  });
});
