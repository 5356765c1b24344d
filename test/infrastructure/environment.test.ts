import { describe, expect, it } from 'vitest';
import { z } from 'zod';
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

describe.each(['demo', 'prod'] as const)('the gatherers of %s', (name) => {
  const synthesized = Synthesized.of(name);

  it.each(['a', 'b', 'c'])('%s is told its letter, and a configuration that the image has', (gatherer) => {
    const [container] = synthesized.resource('AWS::ECS::TaskDefinition', `gatherer-${gatherer}`).Properties
      .ContainerDefinitions;
    const environment: readonly { Name: string; Value: unknown }[] = container.Environment;
    const textOf = (variable: string) => environment.find(({ Name }) => Name === variable)?.Value;
    expect(textOf('GATHERER')).toBe(gatherer);
    expect(textOf('CONFIG_FILE')).toBe(`config/${name}.yaml`);
  });
});

describe('what a deployment leaves undone', () => {
  const nobody = expect.stringMatching(/deployment\.alarm_email is empty.*config\/(demo|prod)\.yaml/);
  const nothing = expect.stringMatching(/retention\.dry_run is true.*config\/prod\.yaml/);

  it('is said at every synthesis: nobody whom an alarm tells, nothing that is dropped', () => {
    expect(Synthesized.of('demo').warnings).toEqual([nobody]);
    expect(Synthesized.of('prod').warnings).toEqual([nothing, nobody]);
  });

  it('is no longer said where it is done', () => {
    const { deployment, retention, ...others } = deployableConfiguration('prod', {});
    const synthesized = new Synthesized({
      ...others,
      deployment: { ...deployment, alarm_email: 'operator@example.com' },
      retention: { ...retention, dry_run: false },
    });
    expect(synthesized.warnings).toEqual([]);
    const subscribed = synthesized.resources('AWS::SNS::Subscription', 'observability');
    expect(subscribed.map(({ Properties }) => Properties.Endpoint)).toEqual(['operator@example.com']);
  });
});

describe('the environment to deploy', () => {
  it.each(['demo', 'prod'])('%s is the same from every shell', (name) => {
    const anything = new Proxy({}, { get: () => '7' });
    expect(deployableConfiguration(name, anything)).toEqual(deployableConfiguration(name, {}));
  });

  it.each([[undefined], ['local'], ['production'], [7]])('is refused when it is %s', (name) => {
    expect(() => deployableConfiguration(name, {})).toThrow(
      /which environment\? expected -c env=demo or -c env=prod/,
    );
  });
});
