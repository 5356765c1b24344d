import { describe, expect, it } from 'vitest';
import { type Definition, LocalStateMachine } from '../../local/state-machines/state-machine.ts';

const invokeTask = (name: string, next: object) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: name, 'Payload.$': '$' },
  OutputPath: '$.Payload',
  ...next,
});

describe('a state machine on this machine', () => {
  it('runs tasks, choices and maps of the definition and binds only the functions', async () => {
    const definition = {
      StartAt: 'Plan',
      States: {
        Plan: invokeTask('plan', { Next: 'Each' }),
        Each: {
          Type: 'Map',
          ItemsPath: '$.items',
          MaxConcurrency: 2,
          ItemProcessor: { StartAt: 'Double', States: { Double: invokeTask('double', { End: true }) } },
          ResultPath: '$.doubled',
          Next: 'Enough',
        },
        Enough: {
          Type: 'Choice',
          Choices: [{ Variable: '$.more', BooleanEquals: true, Next: 'Plan' }],
          Default: 'Done',
        },
        Done: { Type: 'Succeed' },
      },
    } as unknown as Definition;
    let plans = 0;
    const machine = new LocalStateMachine('test', definition, async (name, payload) => {
      if (name === 'plan') return { items: [1, 2, 3], more: ++plans < 2 };
      return (payload as number) * 2;
    });
    expect(await machine.run({})).toEqual({ items: [1, 2, 3], more: false, doubled: [2, 4, 6] });
    expect(plans).toBe(2);
  });

  it('retries as the definition says and then fails with the function’s error', async () => {
    const definition = {
      StartAt: 'Try',
      States: {
        Try: invokeTask('try', {
          Retry: [{ ErrorEquals: ['Refused'], IntervalSeconds: 1, MaxAttempts: 1 }],
          End: true,
        }),
      },
    } as unknown as Definition;
    let attempts = 0;
    const machine = new LocalStateMachine('test', definition, async () => {
      attempts++;
      throw Object.assign(new Error('no'), { name: 'Refused' });
    });
    await expect(machine.run({})).rejects.toThrow('no');
    expect(attempts).toBe(2);
  });

  it('refuses a definition in which two tasks share a name', () => {
    const inner = { StartAt: 'Same', States: { Same: invokeTask('x', { End: true }) } };
    const definition = {
      StartAt: 'Same',
      States: {
        Same: invokeTask('x', { Next: 'Each' }),
        Each: { Type: 'Map', ItemProcessor: inner, End: true },
      },
    } as unknown as Definition;
    expect(() => new LocalStateMachine('test', definition, async () => null)).toThrow(
      'two task states are named "Same"',
    );
  });
});
