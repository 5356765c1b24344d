import { Worker } from 'node:worker_threads';
import type { SdkCall } from '../permissions/sdk-calls.ts';

/** One deployed function: what its template says. */
export interface FunctionSpecification {
  readonly name: string;
  readonly arn: string;
  /** ARN of the role that it has. */
  readonly role: string;
  /** Absolute path of the handler's module. */
  readonly module: string;
  /** Name of the exported handler. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMebibytes: number;
}

/** What a function threw, as its caller sees it: `name` is the error type that state machines match. */
export class FunctionError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Runs a handler as Lambda does: own environment, one event at a time per call, a time limit. A handler that
 * exceeds its limit or takes its thread down is started anew at the next invocation.
 */
export class FunctionHost {
  readonly #specification: FunctionSpecification;
  readonly #called: (call: SdkCall) => void;
  #running: { readonly worker: Worker; readonly pending: Map<number, Pending> } | null = null;
  #nextId = 1;

  /** @param called is told of each kind of call to AWS that the handler makes. */
  constructor(specification: FunctionSpecification, called: (call: SdkCall) => void = () => {}) {
    this.#specification = specification;
    this.#called = called;
  }

  get name(): string {
    return this.#specification.name;
  }

  /** @throws FunctionError when the handler throws, times out or its thread dies. */
  async invoke(event: unknown): Promise<unknown> {
    const { worker, pending } = this.#start();
    const id = this.#nextId++;
    const limit = this.#specification.timeoutSeconds * 1_000;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(
          new FunctionError('Sandbox.Timedout', `${this.name} timed out after ${limit / 1_000} seconds`),
        );
        void this.stop();
      }, limit);
      pending.set(id, { resolve, reject, timer });
      worker.postMessage({ id, event, deadline: Date.now() + limit });
    });
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    await running?.worker.terminate();
  }

  #start(): { readonly worker: Worker; readonly pending: Map<number, Pending> } {
    if (this.#running !== null) return this.#running;
    const { module, handler, environment } = this.#specification;
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { module, handler },
      env: { ...environment, AWS_LAMBDA_FUNCTION_NAME: this.name },
    });
    const pending = new Map<number, Pending>();
    const running = { worker, pending };
    worker.on(
      'message',
      (message: {
        id?: number;
        result?: unknown;
        error?: { name: string; message: string };
        call?: SdkCall;
      }) => {
        if (message.call !== undefined) this.#called(message.call);
        if (message.id === undefined) return;
        const waiting = pending.get(message.id);
        if (waiting === undefined) return;
        pending.delete(message.id);
        clearTimeout(waiting.timer);
        if (message.error === undefined) waiting.resolve(message.result);
        else waiting.reject(new FunctionError(message.error.name, message.error.message));
      },
    );
    const failed = (reason: string): void => {
      if (this.#running === running) this.#running = null;
      for (const waiting of pending.values()) {
        clearTimeout(waiting.timer);
        waiting.reject(new FunctionError('Runtime.ExitError', `${this.name}: ${reason}`));
      }
      pending.clear();
    };
    worker.on('error', (error) => failed(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => failed(`thread ended with code ${code}`));
    this.#running = running;
    return running;
  }
}
