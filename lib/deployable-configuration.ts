import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { ConfigError } from '#src/config/substitution.ts';
import { projectFile } from './project-files.ts';

const ENVIRONMENTS = ['demo', 'prod'] as const;

/**
 * The configuration of an environment that is deployed to AWS.
 *
 * @param name the context value `env`.
 * @throws ConfigError when there is no such environment, or its file is not valid or is another's.
 */
export function deployableConfiguration(
  name: unknown,
  variables: Readonly<Record<string, string | undefined>>,
): Configuration {
  if (!ENVIRONMENTS.some((environment) => environment === name)) {
    const found = name === undefined ? 'nothing' : JSON.stringify(name);
    throw new ConfigError(
      `which environment? expected ${ENVIRONMENTS.map((known) => `-c env=${known}`).join(' or ')}, found ${found}`,
    );
  }
  const file = `config/${String(name)}.yaml`;
  const configuration = loadConfiguration(projectFile(file), variables);
  if (configuration.environment !== name) {
    throw new ConfigError(
      `${file}: environment: expected "${String(name)}", found "${configuration.environment}"`,
    );
  }
  return configuration;
}
