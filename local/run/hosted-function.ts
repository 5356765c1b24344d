import type { FunctionSpecification } from '../functions/function-host.ts';
import type { HostedFunction } from '../functions/main.ts';

const SECRET = /_PRIVATE_KEY$/;

/**
 * A function as the process of the functions is told of it. A key is no part of that, because it is written to a file:
 * it is given to the process by its environment.
 */
export function hostedFunction(
  item: FunctionSpecification,
  environment: Readonly<Record<string, string>>,
): { readonly function: HostedFunction; readonly secrets: Readonly<Record<string, string>> } {
  const entries = Object.entries(environment);
  const secrets = Object.fromEntries(entries.filter(([name]) => SECRET.test(name)));
  return {
    function: {
      ...item,
      environment: Object.fromEntries(entries.filter(([name]) => !SECRET.test(name))),
      inherited: Object.keys(secrets),
    },
    secrets,
  };
}
