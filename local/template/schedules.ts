import { SECONDS_METADATA } from '#src/contract/template-metadata.ts';
import type { Definition } from '../state-machines/state-machine.ts';
import { type Assembly, resourcesOf, TemplateError } from './assembly.ts';
import { arnOf, nameOf } from './identities.ts';
import { Properties } from './properties.ts';
import type { Resolver } from './resolver.ts';

export interface TemplateStateMachine {
  readonly name: string;
  readonly arn: string;
  readonly role: string;
  readonly definition: Definition;
}

export interface TemplateSchedule {
  readonly name: string;
  readonly role: string;
  /** ARN of the state machine that it starts. */
  readonly target: string;
  readonly everySeconds: number;
  readonly input: unknown;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 };

/** Every state machine with its definition, its `${Placeholders}` filled in. */
export function stateMachinesOf(assembly: Assembly, resolver: Resolver): TemplateStateMachine[] {
  return resourcesOf(assembly, 'AWS::StepFunctions::StateMachine').map((located) => {
    const properties = new Properties(located, resolver);
    const given = (properties.value('DefinitionSubstitutions') ?? {}) as Record<string, unknown>;
    const text = properties.text('DefinitionString').replace(/\$\{(\w+)\}/g, (_, name: string) => {
      if (name in given) return String(given[name]);
      throw new TemplateError(`${properties.where}: nothing is given for \${${name}}`);
    });
    return {
      name: nameOf(located),
      arn: arnOf(located),
      role: properties.text('RoleArn'),
      definition: JSON.parse(text) as Definition,
    };
  });
}

function secondsOf(properties: Properties): number {
  const expression = properties.text('ScheduleExpression');
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate === null) {
    throw new TemplateError(`${properties.where}: the local run does not imitate ${expression}`);
  }
  return Number(rate[1]) * UNIT_SECONDS[rate[2]!]!;
}

/**
 * Every enabled schedule that starts a state machine.
 *
 * @throws TemplateError when the seconds that it says beside its rate are not what the rate comes from.
 */
export function schedulesOf(
  assembly: Assembly,
  resolver: Resolver,
  machines: readonly TemplateStateMachine[],
): TemplateSchedule[] {
  return resourcesOf(assembly, 'AWS::Scheduler::Schedule').flatMap((located) => {
    const properties = new Properties(located, resolver);
    if (properties.value('State') === 'DISABLED') return [];
    const target = properties.text('Target.Arn');
    if (!machines.some(({ arn }) => arn === target)) {
      throw new TemplateError(`${properties.where}: there is no state machine ${target}`);
    }
    const rate = secondsOf(properties);
    const wanted = Number(located.resource.Metadata?.[SECONDS_METADATA] ?? rate);
    if (Math.max(60, Math.ceil(wanted / 60) * 60) !== rate) {
      throw new TemplateError(`${properties.where}: ${wanted} s do not make a rate of ${rate} s`);
    }
    const input = properties.value('Target.Input');
    return [
      {
        name: nameOf(located),
        role: properties.text('Target.RoleArn'),
        target,
        everySeconds: wanted,
        input: input === undefined ? {} : JSON.parse(String(input)),
      },
    ];
  });
}
