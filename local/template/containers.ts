import { type Assembly, resourcesOf, TemplateError } from './assembly.ts';
import { nameOf } from './identities.ts';
import { projectPath } from './project-path.ts';
import { Properties } from './properties.ts';
import type { Resolver } from './resolver.ts';

/** A container that a service keeps running. */
export interface TemplateContainer {
  readonly name: string;
  /** Absolute path of the module that its command runs. */
  readonly module: string;
  readonly environment: Readonly<Record<string, string>>;
  /** ARN of the role that the program has. */
  readonly role: string;
}

interface ContainerDefinition {
  readonly Name: string;
  readonly Command?: readonly string[];
  readonly Environment?: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** The containers of every task that a service runs at least once, as far as they run a module of the project. */
export function containersOf(assembly: Assembly, resolver: Resolver): TemplateContainer[] {
  const tasks = new Map(
    resourcesOf(assembly, 'AWS::ECS::TaskDefinition').map((located) => [nameOf(located), located]),
  );
  return resourcesOf(assembly, 'AWS::ECS::Service').flatMap((located) => {
    const service = new Properties(located, resolver);
    const named = service.text('TaskDefinition');
    const task = tasks.get(named);
    if (task === undefined) throw new TemplateError(`${service.where}: there is no task ${named}`);
    if (service.number('DesiredCount', 1) === 0) return [];
    const properties = new Properties(task, resolver);
    return (properties.list('ContainerDefinitions') as ContainerDefinition[]).flatMap((container) => {
      const [runtime, ...command] = container.Command ?? [];
      // Options of Node's, such as the size of its heap, belong to the machine.
      const [file] = command.filter((part) => !part.startsWith('-'));
      if (runtime !== 'node' || file === undefined) return [];
      return [
        {
          name: `${nameOf(task)}-${container.Name}`,
          module: projectPath(file),
          environment: Object.fromEntries(
            (container.Environment ?? []).map(({ Name, Value }) => [Name, String(Value)]),
          ),
          role: properties.text('TaskRoleArn'),
        },
      ];
    });
  });
}
