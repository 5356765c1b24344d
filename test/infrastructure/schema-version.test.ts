import { describe, expect, it } from 'vitest';
import { readMigrations } from '#src/storage/migrate.ts';
import { Synthesized } from './synthesized.ts';

const databases = [
  ['schema-a', 'gatherer', /line-a:.*DatabaseSecret/, /line-a:.*DatabaseClients/],
  ['schema-b', 'gatherer', /line-b:.*DatabaseSecret/, /line-b:.*DatabaseClients/],
  ['schema-c', 'gatherer', /line-c:.*DatabaseSecret/, /line-c:.*DatabaseClients/],
  ['schema-production', 'production', /production:.*(Database|Credentials)/, /production:.*Clients/],
] as const;

/** The project's own function of the stack; the other is CDK's, which answers CloudFormation. */
const migrateOf = (synthesized: Synthesized, stack: string) =>
  synthesized
    .resources('AWS::Lambda::Function', stack)
    .find(({ Properties }) => Properties.Architectures?.[0] === 'arm64')!.Properties;

describe.each(['demo', 'prod'] as const)('the schema of a database in %s', (environment) => {
  const synthesized = Synthesized.of(environment);

  it.each(databases)('is brought to its newest version by a deployment of %s', (stack, set) => {
    const { Resources } = synthesized.template(stack);
    const versions = Object.entries(Resources).filter(([, { Type }]) => Type === 'Custom::SchemaVersion');
    expect(versions).toHaveLength(1);
    const [id, { Properties }] = versions[0]!;
    expect(id).toMatch(new RegExp(`^SchemaVersion${readMigrations(set).length}[0-9A-F]{8}$`));
    const [token] = Properties.ServiceToken['Fn::GetAtt'];
    const answering = Resources[token]!;
    const asked = answering.Properties.Environment.Variables.USER_ON_EVENT_FUNCTION_ARN['Fn::GetAtt'][0];
    expect(Resources[asked]!.Properties.Environment.Variables.MIGRATION_SET).toBe(set);
  });

  it.each(databases)(
    '%s has nothing in a version that could change, so nothing that had to be changed back',
    (stack) => {
      const { Properties } = synthesized.resource('Custom::SchemaVersion', stack);
      expect(Object.keys(Properties).sort()).toEqual(['ServiceTimeout', 'ServiceToken']);
      // The function and CDK's own are done before CloudFormation gives up.
      expect(Number(Properties.ServiceTimeout)).toBeGreaterThan(migrateOf(synthesized, stack).Timeout);
    },
  );

  it.each(databases)(
    '%s is reached by its own function only, with its own secret',
    (stack, _, secret, group) => {
      const { Environment, VpcConfig, Timeout } = migrateOf(synthesized, stack);
      const { DATABASE_SECRET, WAIT_SECONDS, STATEMENT_TIMEOUT_SECONDS } = Environment.Variables;
      expect(DATABASE_SECRET['Fn::ImportValue']).toMatch(secret);
      const groups = VpcConfig.SecurityGroupIds.map((item: object) => JSON.stringify(item));
      expect(groups).toHaveLength(2);
      expect(groups.filter((item: string) => group.test(item))).toHaveLength(1);
      expect(Number(WAIT_SECONDS) + Number(STATEMENT_TIMEOUT_SECONDS)).toBeLessThan(Timeout);
    },
  );
});
