import { HANDLER_METADATA } from '#src/contract/template-metadata.ts';
import type { EventSourceSpecification } from '../event-source/event-source.ts';
import type { FunctionSpecification } from '../functions/function-host.ts';
import { type Assembly, resourcesOf, TemplateError } from './assembly.ts';
import { arnOf, nameOf } from './identities.ts';
import { projectPath } from './project-path.ts';
import { Properties } from './properties.ts';
import type { Resolver } from './resolver.ts';
import type { TemplateStream } from './stores.ts';

/**
 * The project's own functions, as deployed. Those that CDK brings along for its custom resources name no handler
 * of the project and are left out.
 */
export function functionsOf(assembly: Assembly, resolver: Resolver): FunctionSpecification[] {
  return resourcesOf(assembly, 'AWS::Lambda::Function')
    .filter(({ resource }) => resource.Metadata?.[HANDLER_METADATA] !== undefined)
    .map((located) => {
      const properties = new Properties(located, resolver);
      const environment = (properties.value('Environment.Variables') ?? {}) as Record<string, unknown>;
      return {
        name: nameOf(located),
        arn: arnOf(located),
        role: properties.text('Role'),
        module: projectPath(String(located.resource.Metadata![HANDLER_METADATA])),
        // `index.handler`: the bundle is one file, and its exports are the module's.
        handler: properties.text('Handler').split('.').at(-1)!,
        environment: Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [name, String(value)]),
        ),
        timeoutSeconds: properties.number('Timeout', 3),
        memoryMebibytes: properties.number('MemorySize', 128),
      };
    });
}

const BUCKET_ARN = 'arn:aws:s3:::';

/** Every event source mapping of a stream; one that is disabled is none. */
export function eventSourcesOf(
  assembly: Assembly,
  resolver: Resolver,
  functions: readonly FunctionSpecification[],
  streams: readonly TemplateStream[],
  buckets: readonly string[],
): EventSourceSpecification[] {
  return resourcesOf(assembly, 'AWS::Lambda::EventSourceMapping').flatMap((located) => {
    const properties = new Properties(located, resolver);
    // A property that is not imitated could change what is delivered.
    properties.only([
      'BatchSize',
      'BisectBatchOnFunctionError',
      'DestinationConfig',
      'Enabled',
      'EventSourceArn',
      'FunctionName',
      'FunctionResponseTypes',
      'MaximumBatchingWindowInSeconds',
      'MaximumRecordAgeInSeconds',
      'MaximumRetryAttempts',
      'MetricsConfig',
      'ParallelizationFactor',
      'StartingPosition',
      'Tags',
    ]);
    if (properties.value('Enabled') === false) return [];
    const source = properties.text('EventSourceArn');
    const stream = streams.find(({ arn }) => arn === source);
    if (stream === undefined) throw new TemplateError(`${properties.where}: there is no stream ${source}`);
    const target = properties.text('FunctionName');
    const handler = functions.find(({ name, arn }) => name === target || arn === target);
    if (handler === undefined) throw new TemplateError(`${properties.where}: there is no function ${target}`);
    const destination = properties.value('DestinationConfig.OnFailure.Destination');
    const bucket = buckets.find((name) => `${BUCKET_ARN}${name}` === destination);
    if (destination !== undefined && bucket === undefined) {
      throw new TemplateError(`${properties.where}: there is no bucket ${String(destination)}`);
    }
    const position = properties.text('StartingPosition');
    if (position !== 'TRIM_HORIZON' && position !== 'LATEST') {
      throw new TemplateError(
        `${properties.where}: the local run does not imitate StartingPosition ${position}`,
      );
    }
    return [
      {
        id: nameOf(located),
        stream: stream.name,
        streamArn: stream.arn,
        functionName: handler.name,
        role: handler.role,
        batchSize: properties.number('BatchSize', 100),
        maximumBatchingWindowSeconds: properties.number('MaximumBatchingWindowInSeconds', 0),
        bisectBatchOnFunctionError: properties.value('BisectBatchOnFunctionError') === true,
        // Both are without limit unless they are given.
        maximumRetryAttempts: properties.number('MaximumRetryAttempts', -1),
        maximumRecordAgeSeconds: properties.number('MaximumRecordAgeInSeconds', -1),
        startingPosition: position,
        reportsBatchItemFailures: properties
          .list('FunctionResponseTypes')
          .includes('ReportBatchItemFailures'),
        onFailureBucket: bucket ?? null,
      },
    ];
  });
}
