/** A resource of a synthesized template. */
export interface CostedResource {
  /** The stack within its environment. */
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes.
  readonly properties: any;
}

/** What of a template is looked at. */
export interface CostedTemplate {
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: unknown }>>;
}

/** All resources of an environment's templates, by stack. */
export function resourcesOf(templates: ReadonlyMap<string, CostedTemplate>): CostedResource[] {
  return [...templates].flatMap(([stack, { Resources }]) =>
    Object.entries(Resources ?? {}).map(([id, { Type, Properties }]) => ({
      stack,
      id,
      type: Type,
      properties: Properties ?? {},
    })),
  );
}
