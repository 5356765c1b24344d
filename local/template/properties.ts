import { type Located, TemplateError, whereIs } from './assembly.ts';
import type { Resolver } from './resolver.ts';

/** The properties of one resource, resolved as they are asked for. */
export class Properties {
  readonly #located: Located;
  readonly #resolver: Resolver;

  constructor(located: Located, resolver: Resolver) {
    this.#located = located;
    this.#resolver = resolver;
  }

  /** Stack and logical id. */
  get where(): string {
    return whereIs(this.#located);
  }

  /** A value below the properties by its path, `Target.Arn`; undefined when it is not set. */
  value(path: string): unknown {
    let found: unknown = this.#located.resource.Properties;
    for (const key of path.split('.')) found = (found as Record<string, unknown> | undefined)?.[key];
    if (found === undefined) return undefined;
    return this.#resolver.resolve(this.#located.stack, found, `${this.#located.logicalId}.${path}`);
  }

  /** @throws TemplateError when it is absent or no text. */
  text(path: string): string {
    const found = this.value(path);
    if (typeof found === 'string') return found;
    throw new TemplateError(`${this.where}: ${path}: expected a text, found ${JSON.stringify(found)}`);
  }

  /** @throws TemplateError when it is no number; absent without a default is none. */
  number(path: string, fallback?: number): number {
    const found = this.value(path) ?? fallback;
    const number = typeof found === 'string' ? Number(found) : found;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw new TemplateError(`${this.where}: ${path}: expected a number, found ${JSON.stringify(found)}`);
  }

  /** An empty list when it is absent. */
  list(path: string): readonly unknown[] {
    const found = this.value(path) ?? [];
    if (Array.isArray(found)) return found;
    throw new TemplateError(`${this.where}: ${path}: expected a list, found ${JSON.stringify(found)}`);
  }

  /** @throws TemplateError naming a property that is not among those that the local run imitates or may leave out. */
  only(known: readonly string[]): void {
    const strange = Object.keys(this.#located.resource.Properties ?? {}).filter(
      (key) => !known.includes(key),
    );
    if (strange.length > 0) {
      throw new TemplateError(`${this.where}: the local run does not imitate ${strange.join(', ')}`);
    }
  }
}
