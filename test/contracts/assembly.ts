import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { PredictionTape } from '../../lib/prediction-tape.ts';
import type { Assembly, StackTemplate, TemplateResource } from '../../local/template/assembly.ts';
import { projectPath } from '../../local/template/project-path.ts';

export const ENVIRONMENTS = ['local', 'demo', 'prod'] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

export const configurationOf = (name: EnvironmentName): Configuration =>
  loadConfiguration(projectPath(`config/${name}.yaml`), {});

/** The stacks of an environment as its constructs make them. */
export function assemblyOf(configuration: Configuration): Assembly {
  const { context } = JSON.parse(readFileSync(projectPath('cdk.json'), 'utf8'));
  const app = new App({
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
    analyticsReporting: false,
    // Other tests hold the templates against CloudFormation's own rules.
    builtinCloudFormationValidation: false,
  });
  new PredictionTape(app, configuration);
  return app.synth().stacks.map((stack) => ({
    id: stack.id,
    name: stack.stackName,
    region: stack.environment.region,
    template: stack.template as StackTemplate['template'],
  }));
}

type Mutable<T> = T extends object ? { -readonly [Key in keyof T]: Mutable<T[Key]> } : T;
export type MutableResource = Mutable<TemplateResource> & {
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes.
  Properties: any;
};

/** A copy of the stacks in which the only resource of a type in a stack, or one that is chosen, is changed. */
export function changed(
  assembly: Assembly,
  stack: string,
  type: string,
  change: (resource: MutableResource) => void,
  choose: (logicalId: string) => boolean = () => true,
): Assembly {
  const copy = structuredClone(assembly) as Mutable<Assembly>;
  const found = Object.entries(copy.find(({ id }) => id === stack)!.template.Resources).filter(
    ([logicalId, resource]) => resource.Type === type && choose(logicalId),
  );
  if (found.length !== 1) throw new Error(`${stack} has ${found.length} of ${type}`);
  change(found[0]![1] as MutableResource);
  return copy as Assembly;
}
