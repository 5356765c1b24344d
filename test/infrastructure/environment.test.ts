import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { gathererEnvironmentSchema } from '../../containers/gatherer/contract.ts';
import { mergeEnvironment } from '../../lambdas/merge/contract.ts';
import { migrateEnvironment } from '../../lambdas/migrate/contract.ts';
import { snapshotPlanEnvironment } from '../../lambdas/snapshot-plan/contract.ts';
import { snapshotPollEnvironment } from '../../lambdas/snapshot-poll/contract.ts';
import { snapshotReportEnvironment } from '../../lambdas/snapshot-report/contract.ts';
import { writerEnvironment } from '../../lambdas/writer/contract.ts';
import { checkedEnvironment, EnvironmentError } from '../../lib/constructs/checked-environment.ts';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { Synthesized } from './synthesized.ts';

const schema = z
  .object({
    TABLE: z.string().min(1),
    PORT: z.coerce.number().int().positive(),
    LEVEL: z.enum(['info', 'warn']).default('info'),
    URL: z.string().optional(),
    SECRET: z.string().optional(),
  })
  .refine(({ URL, SECRET }) => (URL === undefined) !== (SECRET === undefined), {
    error: 'expected URL or SECRET',
  });

/** Read by Node, not by a handler. */
const OF_THE_RUNTIME = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];

describe('a checked environment', () => {
  it('is the texts of what was given', () => {
    expect(checkedEnvironment('x', schema, { TABLE: 't', PORT: 80, SECRET: 's' })).toEqual({
      TABLE: 't',
      PORT: '80',
      SECRET: 's',
    });
  });

  it.each([
    ['a missing variable', { PORT: 80, SECRET: 's' }, /environment of x: TABLE: /],
    [
      'a surplus variable',
      { TABLE: 't', PORT: 80, SECRET: 's', TABEL: 't' },
      /environment of x: TABEL: not declared/,
    ],
    ['a value outside the declaration', { TABLE: 't', PORT: 80, SECRET: 's', LEVEL: 'loud' }, /LEVEL: /],
    ['a number that is none', { TABLE: 't', PORT: -1, SECRET: 's' }, /PORT: /],
    ['a rule across variables', { TABLE: 't', PORT: 80, SECRET: 's', URL: 'u' }, /expected URL or SECRET/],
  ])('refuses %s', (_, environment, message) => {
    const make = () => checkedEnvironment('x', schema, environment as never);
    expect(make).toThrow(EnvironmentError);
    expect(make).toThrow(message);
  });

  it('names every fault at once', () => {
    expect(() => checkedEnvironment('x', schema, { PORT: 0, EXTRA: 1 } as never)).toThrow(
      /TABLE.*PORT.*EXTRA/,
    );
  });
});

/** Values of a template as texts: what is known at deployment only counts as some text. */
function texts(variables: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables)
      .filter(([name]) => !OF_THE_RUNTIME.includes(name))
      .map(([name, value]) => [name, typeof value === 'string' ? value : 'known-at-deployment']),
  );
}

describe.each(['demo', 'prod'] as const)('the environment in the templates of %s', (name) => {
  const synthesized = Synthesized.of(name);
  const functions = synthesized
    .resources('AWS::Lambda::Function')
    // Those of the library itself run on other processors.
    .filter(({ Properties }) => Properties.Architectures?.[0] === 'arm64');
  const contracts: readonly [string, RegExp, z.ZodObject, number][] = [
    ['writer', /^Stream of line/, writerEnvironment, 3],
    ['merge', /^Three lines/, mergeEnvironment, 1],
    ['migrate', /^Brings the database/, migrateEnvironment, 4],
    ['snapshot-plan', /^Chooses the books/, snapshotPlanEnvironment, 1],
    ['snapshot-poll', /^Fetches some books/, snapshotPollEnvironment, 1],
    ['snapshot-report', /^Says what share/, snapshotReportEnvironment, 1],
  ];

  it.each(contracts)('of %s is what its contract declares', (_, description, contract, count) => {
    const found = functions.filter(({ Properties }) => description.test(Properties.Description));
    expect(found).toHaveLength(count);
    for (const { Properties } of found) {
      expect(contract.strict().safeParse(texts(Properties.Environment.Variables)).error).toBeUndefined();
    }
  });

  it('is checked for every function', () => {
    const known = functions.filter(({ Properties }) =>
      contracts.some(([, description]) => description.test(Properties.Description)),
    );
    expect(known).toHaveLength(functions.length);
  });

  it('of each gatherer is what its contract declares, with a configuration that the image has', () => {
    for (const gatherer of ['a', 'b', 'c']) {
      const [container] = synthesized.resource('AWS::ECS::TaskDefinition', `gatherer-${gatherer}`).Properties
        .ContainerDefinitions;
      const environment = texts(
        Object.fromEntries(
          container.Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [Name, Value]),
        ),
      );
      const parsed = gathererEnvironmentSchema.strict().parse(environment);
      expect(parsed.GATHERER).toBe(gatherer);
      expect(parsed.CONFIG_FILE).toBe(`config/${name}.yaml`);
    }
  });
});

describe('the environment to deploy', () => {
  it.each([[undefined], ['local'], ['production'], [7]])('is refused when it is %s', (name) => {
    expect(() => deployableConfiguration(name, {})).toThrow(
      /which environment\? expected -c env=demo or -c env=prod/,
    );
  });
});
