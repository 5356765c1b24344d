import type { z } from 'zod';

/** What is set does not match what the program declares. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

/**
 * The environment of a function or container, held against the program's own declaration: nothing missing,
 * nothing that nobody would read. Values that are only known at deployment count as texts.
 *
 * @param name of the program, for the error.
 * @throws EnvironmentError naming every variable that is wrong.
 */
export function checkedEnvironment<Schema extends z.ZodObject>(
  name: string,
  schema: Schema,
  environment: z.input<Schema>,
): Record<string, string> {
  const texts = Object.fromEntries(
    Object.entries(environment as Record<string, unknown>).map(([key, value]) => [key, String(value)]),
  );
  const parsed = schema.strict().safeParse(texts);
  if (parsed.success) return texts;
  const faults = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: not declared`;
    return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
  });
  throw new EnvironmentError(`environment of ${name}: ${faults.join('; ')}`);
}
