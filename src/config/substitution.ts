/** A configuration that cannot be used. The message names file, key and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${VAR}` and `${VAR:-default}` in every text of a parsed document. An empty variable counts as unset,
 * as in a shell's `:-`. Substitution happens after parsing, so a value can never change the document's structure.
 *
 * @throws ConfigError naming the key when a variable without default is not set.
 */
export function substitute(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  path: string,
): unknown {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (_, name: string, fallback: string | undefined) => {
      const found = environment[name];
      if (found !== undefined && found !== '') return found;
      if (fallback !== undefined) return fallback;
      throw new ConfigError(`${path}: the environment variable ${name} is not set and has no default`);
    });
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => substitute(item, environment, `${path}[${index}]`));
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        substitute(item, environment, path === '' ? key : `${path}.${key}`),
      ]),
    );
  }
  return value;
}
