import { describe, expect, it } from 'vitest';
import { CallLedger } from '../../local/permissions/call-ledger.ts';
import { allows, matches, permissionsOf, type Statement } from '../../local/permissions/policies.ts';
import type { Assembly } from '../../local/template/assembly.ts';
import { Resolver } from '../../local/template/resolver.ts';

const table = 'arn:aws:dynamodb:us-east-1:0:table/x';
const statement = (given: Partial<Statement>): Statement => ({
  effect: 'Allow',
  actions: ['dynamodb:Query'],
  resources: [table],
  conditional: false,
  ...given,
});
const may = (...statements: Statement[]) => allows({ statements }, 'dynamodb:Query', table);

describe('a role', () => {
  it('may make the calls that a statement allows, and no others', () => {
    expect(may(statement({}))).toBe(true);
    expect(may(statement({ actions: ['dynamodb:GetItem'] }))).toBe(false);
    expect(may(statement({ resources: [`${table}y`] }))).toBe(false);
    expect(may()).toBe(false);
    expect(allows(undefined, 'dynamodb:Query', table)).toBe(false);
  });

  it('may by patterns, and whatever the case of an action', () => {
    expect(may(statement({ actions: ['dynamodb:Q*'], resources: ['*'] }))).toBe(true);
    expect(may(statement({ actions: ['DynamoDB:query'] }))).toBe(true);
    expect(may(statement({ resources: ['arn:aws:dynamodb:*:0:table/?'] }))).toBe(true);
    expect(may(statement({ resources: ['arn:aws:dynamodb:*:0:table/??'] }))).toBe(false);
  });

  it('may not when a statement forbids it', () => {
    expect(may(statement({}), statement({ effect: 'Deny', resources: ['*'] }))).toBe(false);
    expect(may(statement({}), statement({ effect: 'Deny', resources: ['other'] }))).toBe(true);
  });

  it('may not under a condition that nobody evaluates', () => {
    expect(may(statement({ conditional: true }))).toBe(false);
    expect(may(statement({}), statement({ effect: 'Deny', conditional: true }))).toBe(false);
  });
});

it('a pattern means its characters, but for * and ?', () => {
  expect(matches('a.c', 'abc')).toBe(false);
  expect(matches('a(b)+', 'a(b)+')).toBe(true);
  expect(matches('a*', 'a\nb')).toBe(true);
});

const roles: Assembly = [
  {
    id: 'jobs',
    name: 'jobs',
    region: 'us-east-1',
    template: {
      Resources: {
        Table: { Type: 'AWS::DynamoDB::Table' },
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: {
            ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/Basic'],
            Policies: [
              {
                PolicyDocument: {
                  Statement: [
                    {
                      Effect: 'Allow',
                      Action: 'dynamodb:GetItem',
                      Resource: { 'Fn::GetAtt': ['Table', 'Arn'] },
                    },
                  ],
                },
              },
            ],
          },
        },
        Bystander: { Type: 'AWS::IAM::Role', Properties: {} },
        Policy: {
          Type: 'AWS::IAM::Policy',
          Properties: {
            Roles: [{ Ref: 'Role' }],
            PolicyDocument: {
              Statement: [
                {
                  Effect: 'Allow',
                  Action: ['dynamodb:Query'],
                  Resource: [{ 'Fn::GetAtt': ['Table', 'Arn'] }],
                },
                { Effect: 'Deny', Action: 'dynamodb:*', Resource: '*', Condition: { Bool: {} } },
              ],
            },
          },
        },
      },
    },
  },
];
const role = 'arn:aws:iam::000000000000:role/jobs-Role';
const arn = 'arn:aws:dynamodb:us-east-1:000000000000:table/jobs-Table';

it('the permissions of a role are those of its own and of its attached policies', () => {
  const permissions = permissionsOf(roles, new Resolver(roles));
  expect(permissions[role]).toEqual({
    managed: ['Basic'],
    statements: [
      statement({ actions: ['dynamodb:GetItem'], resources: [arn] }),
      statement({ resources: [arn] }),
      statement({ effect: 'Deny', actions: ['dynamodb:*'], resources: ['*'], conditional: true }),
    ],
  });
  expect(permissions['arn:aws:iam::000000000000:role/jobs-Bystander']!.statements).toEqual([]);
});

describe('the ledger of calls', () => {
  it('tells once of a call that its role may not make, and keeps what was made', () => {
    const ledger = new CallLedger({ [role]: { managed: [], statements: [statement({ resources: [arn] })] } });
    const good = { role, action: 'dynamodb:Query', resource: arn };
    const bad = { role, action: 'dynamodb:PutItem', resource: arn };
    expect(ledger.observe(good)).toBeNull();
    expect(ledger.observe(bad)).toBe(`jobs-Role may not dynamodb:PutItem on ${arn}`);
    expect(ledger.observe(bad)).toBeNull();
    expect(ledger.observe({ ...good, role: 'nobody' })).toBe(`nobody may not dynamodb:Query on ${arn}`);
    expect(ledger.denied).toHaveLength(2);
    expect(ledger.made).toEqual([good, bad, { ...good, role: 'nobody' }]);
  });
});
