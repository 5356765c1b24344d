import { randomUUID } from 'node:crypto';
import { StateMachine } from 'aws-local-stepfunctions';

/** Invokes a function by the name or ARN that the definition holds. */
export type InvokeFunction = (functionName: string, payload: unknown) => Promise<unknown>;

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly ItemProcessor?: Definition;
  readonly Iterator?: Definition;
  readonly Branches?: readonly Definition[];
}

export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

const LAMBDA_INTEGRATION = 'arn:aws:states:::lambda:invoke';

type TaskOverrides = NonNullable<
  NonNullable<NonNullable<Parameters<StateMachine['run']>[1]>['overrides']>['taskResourceLocalHandlers']
>;
type TaskHandler = (input: unknown) => Promise<unknown>;

/** Every task of a definition, nested ones too, bound to the function that it names. */
function taskHandlers(definition: Definition, invoke: InvokeFunction): Record<string, TaskHandler> {
  const handlers: Record<string, TaskHandler> = {};
  const visit = (part: Definition): void => {
    for (const [name, state] of Object.entries(part.States)) {
      if (state.Type === 'Task') {
        if (name in handlers) throw new Error(`two task states are named ${JSON.stringify(name)}`);
        const resource = state.Resource!;
        handlers[name] =
          resource === LAMBDA_INTEGRATION
            ? async (input) => {
                const { FunctionName, Payload } = input as { FunctionName: string; Payload?: unknown };
                return { StatusCode: 200, Payload: (await invoke(FunctionName, Payload ?? {})) ?? null };
              }
            : async (input) => (await invoke(resource, input)) ?? null;
      }
      for (const inner of [state.ItemProcessor, state.Iterator, ...(state.Branches ?? [])]) {
        if (inner !== undefined) visit(inner);
      }
    }
  };
  visit(definition);
  return handlers;
}

/**
 * Runs a deployed definition on this machine. Only the task resources are bound to local functions;
 * everything else (order, choices, maps, retries, catches) is the definition's own.
 */
export class LocalStateMachine {
  readonly name: string;
  readonly #machine: StateMachine;
  readonly #handlers: Record<string, TaskHandler>;

  /** @throws when the definition is not valid Amazon States Language. */
  constructor(name: string, definition: Definition, invoke: InvokeFunction) {
    this.name = name;
    this.#handlers = taskHandlers(definition, invoke);
    this.#machine = new StateMachine(definition as unknown as ConstructorParameters<typeof StateMachine>[0], {
      validationOptions: { checkArn: false },
    });
  }

  /**
   * @param name of the execution, by which the definition may call it.
   * @returns the execution's output. @throws when the execution fails.
   */
  async run(input: unknown, name: string = randomUUID()): Promise<unknown> {
    const execution = this.#machine.run(input as Parameters<StateMachine['run']>[0], {
      context: { Execution: { Name: name, StartTime: new Date().toISOString() } },
      overrides: { taskResourceLocalHandlers: this.#handlers as TaskOverrides },
    });
    return await execution.result;
  }
}
