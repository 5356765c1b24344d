import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import type { Configuration } from '#src/config/schema.ts';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { PredictionTape } from '../../lib/prediction-tape.ts';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes.
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Template {
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Export?: { readonly Name: string } }>>;
}

/** Types of resources that hold what cannot be made again. */
export const STATEFUL = [
  'AWS::S3::Bucket',
  'AWS::DynamoDB::Table',
  'AWS::Kinesis::Stream',
  'AWS::RDS::DBInstance',
  'AWS::SecretsManager::Secret',
  'AWS::EC2::Volume',
];

/** An app with the project's own feature flags, which bundles no code unless it is told to. */
export function testApp({ bundles = false } = {}): App {
  const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'));
  return new App({
    context: { ...context, ...(bundles ? {} : { 'aws:cdk:bundling-stacks': [] }) },
    analyticsReporting: false,
  });
}

/** What the validator of `aws-cdk-lib` says about the templates of a synthesized app, warnings included. */
export function validationOf(app: App): readonly string[] {
  const report = JSON.parse(readFileSync(`${app.outdir}/validation-report.json`, 'utf8')) as {
    pluginReports: { violations: { ruleName: string; description: string }[] }[];
  };
  return report.pluginReports.flatMap(({ violations }) =>
    violations.map(({ ruleName, description }) => `${ruleName}: ${description}`),
  );
}

/** All templates of one environment, by what each stack is within it. */
export class Synthesized {
  static readonly #made = new Map<string, Synthesized>();

  readonly templates: ReadonlyMap<string, Template>;
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly protectedStacks: readonly string[];
  /** Faults and warnings of the validator; none is expected. */
  readonly validation: readonly string[];
  /** What the project itself says to whoever deploys the configuration. */
  readonly warnings: readonly string[];

  constructor(configuration: Configuration) {
    const app = testApp();
    new PredictionTape(app, configuration);
    const { stacks } = app.synth();
    const isOwn = (fault: string): boolean => fault.startsWith('Annotation::prediction-tape:');
    this.validation = validationOf(app).filter((fault) => !isOwn(fault));
    this.warnings = validationOf(app).filter(isOwn);
    this.templates = new Map(stacks.map((stack) => [stack.id, stack.template as Template]));
    this.protectedStacks = stacks.filter((stack) => stack.terminationProtection === true).map(({ id }) => id);
    const ids = new Set(this.templates.keys());
    this.dependencies = new Map(
      stacks.map((stack) => [stack.id, stack.dependencies.map(({ id }) => id).filter((id) => ids.has(id))]),
    );
  }

  /** As it is deployed; made once for each file of tests. */
  static of(environment: 'demo' | 'prod'): Synthesized {
    const made =
      Synthesized.#made.get(environment) ?? new Synthesized(deployableConfiguration(environment, {}));
    Synthesized.#made.set(environment, made);
    return made;
  }

  template(stack: string): Template {
    const template = this.templates.get(stack);
    if (template === undefined) throw new Error(`there is no stack ${stack}`);
    return template;
  }

  /** Resources of a type, of one stack or of all. */
  resources(type: string, stack?: string): readonly Resource[] {
    const templates = stack === undefined ? [...this.templates.values()] : [this.template(stack)];
    return templates.flatMap(({ Resources }) =>
      Object.values(Resources).filter((resource) => resource.Type === type),
    );
  }

  /** The only resource of a type in a stack. */
  resource(type: string, stack: string): Resource {
    const found = this.resources(type, stack);
    if (found.length !== 1) throw new Error(`${stack} has ${found.length} of ${type}`);
    return found[0]!;
  }
}
