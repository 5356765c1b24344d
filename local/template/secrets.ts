import { type Assembly, resourcesOf, TemplateError } from './assembly.ts';
import { arnOf } from './identities.ts';

/** The databases of the system: one per line, and that of the tape. */
export const DATABASES = ['a', 'b', 'c', 'production'] as const;
export type DatabaseName = (typeof DATABASES)[number];

/** Which database the secret with an ARN is the way to. */
export type DatabaseSecrets = Readonly<Record<string, DatabaseName>>;

const STACK_OF: Readonly<Record<DatabaseName, string>> = {
  a: 'line-a',
  b: 'line-b',
  c: 'line-c',
  production: 'production',
};

/**
 * The secret that the stack of each database makes for it: the one whose text has a `dbname`.
 *
 * @throws TemplateError unless there is exactly one for each.
 */
export function databaseSecretsOf(assembly: Assembly): DatabaseSecrets {
  const secrets = resourcesOf(assembly, 'AWS::SecretsManager::Secret').filter(({ resource }) => {
    const made = resource.Properties?.['GenerateSecretString'] as
      | { readonly SecretStringTemplate?: unknown }
      | undefined;
    return JSON.stringify(made?.SecretStringTemplate ?? '').includes('dbname');
  });
  return Object.fromEntries(
    DATABASES.map((database) => {
      const found = secrets.filter(({ stack }) => stack.id === STACK_OF[database]);
      if (found.length !== 1) {
        throw new TemplateError(
          `expected one secret with a dbname in stack ${STACK_OF[database]}, found ${found.length}`,
        );
      }
      return [arnOf(found[0]!), database];
    }),
  );
}
