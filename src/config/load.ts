import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Configuration, configurationSchema } from './schema.ts';
import { ConfigError, substitute } from './substitution.ts';

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function describe(issue: z.core.$ZodIssue, document: unknown): string {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return `unknown key ${issue.keys.map((key) => (path === '' ? key : `${path}.${key}`)).join(', ')}`;
  }
  const found = valueAt(document, issue.path);
  const shown = found === undefined ? 'nothing' : JSON.stringify(found);
  const expected = issue.message.replace(/^Invalid (input|option): /, '').replace(/, received .*$/, '');
  return `${path}: ${expected}, found ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`;
}

/**
 * Reads a configuration from YAML text.
 *
 * @param source what the text is called in errors.
 * @throws ConfigError with one line per fault, each naming the source, the key and what was expected.
 */
export function parseConfiguration(
  text: string,
  source: string,
  environment: Readonly<Record<string, string | undefined>>,
): Configuration {
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault !== undefined) throw new ConfigError(`${source}: ${fault.message.split('\n')[0]}`);
  let substituted: unknown;
  try {
    substituted = substitute(document.toJS(), environment, '');
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${source}: ${error.message}`);
    throw error;
  }
  const result = configurationSchema.safeParse(substituted);
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.map((issue) => `${source}: ${describe(issue, substituted)}`).join('\n'),
    );
  }
  return result.data;
}

/** Reads a configuration file. @throws ConfigError when it cannot be read or is not valid. */
export function loadConfiguration(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    );
  }
  return parseConfiguration(text, file, environment);
}
