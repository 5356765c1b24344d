import { type Assembly, resourcesOf, type StackTemplate, whereIs } from '../template/assembly.ts';
import { arnOf, nameOf } from '../template/identities.ts';
import type { Resolver } from '../template/resolver.ts';

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Holds only under conditions, which are not evaluated here. */
  readonly conditional: boolean;
}

/** What one role may do. */
export interface RolePermissions {
  readonly statements: readonly Statement[];
  /** Policies that AWS manages, by name; what they allow is not in the template. */
  readonly managed: readonly string[];
}

/** Permissions by the role's ARN. */
export type Permissions = Readonly<Record<string, RolePermissions>>;

interface PolicyDocument {
  readonly Statement?: unknown;
}

const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

function statementsOf(
  resolver: Resolver,
  stack: StackTemplate,
  document: unknown,
  where: string,
): Statement[] {
  return list((document as PolicyDocument | undefined)?.Statement).map((item) => {
    const statement = item as Readonly<Record<string, unknown>>;
    const texts = (value: unknown): string[] =>
      list(value).flatMap((part) => list(resolver.resolve(stack, part, where)).map(String));
    return {
      effect: statement['Effect'] === 'Deny' ? 'Deny' : 'Allow',
      actions: texts(statement['Action']),
      resources: texts(statement['Resource']),
      conditional: statement['Condition'] !== undefined,
    };
  });
}

/** What every role of the templates may do, by its own and by its attached policies. */
export function permissionsOf(assembly: Assembly, resolver: Resolver): Permissions {
  const permissions = new Map<string, { statements: Statement[]; managed: string[] }>();
  const arnOfName = new Map<string, string>();
  for (const located of resourcesOf(assembly, 'AWS::IAM::Role')) {
    const { stack, resource } = located;
    const where = whereIs(located);
    const own = list(resource.Properties?.['Policies']).flatMap((policy) =>
      statementsOf(resolver, stack, (policy as { PolicyDocument?: unknown }).PolicyDocument, where),
    );
    const managed = list(resource.Properties?.['ManagedPolicyArns']).map((arn) => {
      const text = resolver.text(stack, arn, where);
      return text.slice(text.lastIndexOf('/') + 1);
    });
    arnOfName.set(nameOf(located), arnOf(located));
    permissions.set(arnOf(located), { statements: own, managed });
  }
  for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy']) {
    for (const located of resourcesOf(assembly, type)) {
      const { stack, resource } = located;
      const where = whereIs(located);
      const statements = statementsOf(resolver, stack, resource.Properties?.['PolicyDocument'], where);
      for (const role of list(resource.Properties?.['Roles'])) {
        const arn = arnOfName.get(resolver.text(stack, role, where));
        // A role of another account or one that exists already is nothing that the run takes on.
        if (arn !== undefined) permissions.get(arn)!.statements.push(...statements);
      }
    }
  }
  return Object.fromEntries(permissions);
}

/** Whether a pattern of a policy, with `*` and `?`, stands for a text. */
export function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(text);
}

/** IAM compares actions without regard to case. */
const matchesAction = (pattern: string, action: string): boolean =>
  matches(pattern.toLowerCase(), action.toLowerCase());

/**
 * Whether a role may make a call. A conditional permission counts as none, a conditional prohibition as one: what
 * the local run cannot evaluate must not pass for allowed.
 */
export function allows(
  permissions: Pick<RolePermissions, 'statements'> | undefined,
  action: string,
  resource: string,
): boolean {
  const speaking = (permissions?.statements ?? []).filter(
    ({ actions, resources }) =>
      actions.some((pattern) => matchesAction(pattern, action)) &&
      resources.some((pattern) => matches(pattern, resource)),
  );
  if (speaking.some(({ effect }) => effect === 'Deny')) return false;
  return speaking.some(({ effect, conditional }) => effect === 'Allow' && !conditional);
}
