/** A template cannot be run as it is: a reference leads nowhere, or a part that the run needs is not there. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<
    Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>
  >;
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

export interface StackTemplate {
  /** What the stack is within its environment, such as `line-a`. */
  readonly id: string;
  /** Its name in an account. */
  readonly name: string;
  readonly region: string;
  readonly template: Template;
}

/** The synthesized stacks of one environment. */
export type Assembly = readonly StackTemplate[];

/** One resource and where it stands. */
export interface Located {
  readonly stack: StackTemplate;
  readonly logicalId: string;
  readonly resource: TemplateResource;
}

/** Every resource of a type, in the order of the stacks. */
export function resourcesOf(assembly: Assembly, type: string): Located[] {
  return assembly.flatMap((stack) =>
    Object.entries(stack.template.Resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([logicalId, resource]) => ({ stack, logicalId, resource })),
  );
}

/** For messages: stack and logical id. */
export const whereIs = ({ stack, logicalId }: Pick<Located, 'stack' | 'logicalId'>): string =>
  `${stack.id}/${logicalId}`;
