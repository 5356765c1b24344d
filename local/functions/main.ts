/**
 * The serverless half of one machine: every function in a thread of its own, fed by event source mappings and
 * by scheduled state machines. Started with the path of a `FunctionsSpecification`; talks to its
 * parent over the IPC channel (`FunctionsRequest`, `FunctionsReport`).
 */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Checkpoints } from '../event-source/checkpoints.ts';
import { EventSource, type EventSourceSpecification } from '../event-source/event-source.ts';
import { type Definition, LocalStateMachine } from '../state-machines/state-machine.ts';
import { FunctionHost, type FunctionSpecification } from './function-host.ts';

export interface ScheduledStateMachine {
  readonly name: string;
  readonly definition: Definition;
  readonly everySeconds: number;
  readonly input: unknown;
}

export interface FunctionsSpecification {
  readonly directory: string;
  readonly kinesisEndpoint: string;
  readonly functions: readonly FunctionSpecification[];
  readonly eventSources: readonly EventSourceSpecification[];
  readonly stateMachines: readonly ScheduledStateMachine[];
}

export type FunctionsRequest =
  | { readonly type: 'drain'; readonly id: number }
  | { readonly type: 'run'; readonly id: number; readonly stateMachine: string }
  | { readonly type: 'stop' };

export type FunctionsReport =
  | { readonly type: 'ready' }
  | { readonly type: 'drained'; readonly id: number }
  | { readonly type: 'ran'; readonly id: number; readonly output?: unknown; readonly error?: string }
  | {
      readonly type: 'execution';
      readonly stateMachine: string;
      readonly output?: unknown;
      readonly error?: string;
    };

const specification = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as FunctionsSpecification;
mkdirSync(specification.directory, { recursive: true });
const report = (message: FunctionsReport): void => void process.send?.(message);
const warn = (message: string): void => {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
};

const hosts = new Map(specification.functions.map((item) => [item.name, new FunctionHost(item)]));
const invoke = async (name: string, payload: unknown): Promise<unknown> => {
  const host = hosts.get(name);
  if (host === undefined) throw new Error(`no function is named ${name}`);
  return await host.invoke(payload);
};

const kinesis = new KinesisClient({
  endpoint: specification.kinesisEndpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  requestHandler: new NodeHttpHandler(),
});
const checkpoints = new Checkpoints(join(specification.directory, 'checkpoints.json'));
const eventSources = specification.eventSources.map(
  (item) =>
    new EventSource(item, {
      kinesis,
      checkpoints,
      invoke: (event) => invoke(item.functionName, event),
      givenUp: async (record, reason) => {
        appendFileSync(
          join(specification.directory, `${item.functionName}-on-failure.jsonl`),
          `${JSON.stringify({ reason, record })}\n`,
        );
      },
      warn,
    }),
);
await Promise.all(eventSources.map((source) => source.start()));

let stopping = false;
const machines = new Map(
  specification.stateMachines.map((item) => [
    item.name,
    { ...item, machine: new LocalStateMachine(item.name, item.definition, invoke) },
  ]),
);
const running = new Map<string, Promise<unknown>>();

/** One execution at a time of each machine, as its lease enforces on AWS. */
async function execute(name: string): Promise<unknown> {
  const { machine, input } = machines.get(name)!;
  while (running.has(name)) await running.get(name)!.catch(() => {});
  const execution = machine.run(input);
  running.set(name, execution);
  try {
    const output = await execution;
    report({ type: 'execution', stateMachine: name, output });
    return output;
  } catch (error) {
    const fault = error as Error;
    warn(`state machine ${name} failed: ${fault.name}: ${fault.message}`);
    report({ type: 'execution', stateMachine: name, error: `${fault.name}: ${fault.message}` });
    throw error;
  } finally {
    running.delete(name);
  }
}

async function schedule(name: string, everySeconds: number): Promise<void> {
  while (!stopping) {
    const started = Date.now();
    await execute(name).catch(() => {});
    const rest = everySeconds * 1_000 - (Date.now() - started);
    for (let waited = 0; waited < rest && !stopping; waited += 100) await sleep(Math.min(100, rest - waited));
  }
}
for (const { name, everySeconds } of specification.stateMachines) void schedule(name, everySeconds);

async function drain(): Promise<void> {
  for (const source of eventSources) source.expectMore();
  while (!eventSources.every((source) => source.drained)) await sleep(50);
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await Promise.race([Promise.all(eventSources.map((source) => source.stop())), sleep(5_000)]);
  // A merge that is cut off leaves its lease behind, and the next one waits for it.
  await Promise.race([Promise.allSettled(running.values()), sleep(10_000)]);
  checkpoints.flush();
  await Promise.all([...hosts.values()].map((host) => host.stop()));
  process.exit(0);
}

process.on('message', (request: FunctionsRequest) => {
  if (request.type === 'stop') void stop();
  if (request.type === 'drain') void drain().then(() => report({ type: 'drained', id: request.id }));
  if (request.type === 'run') {
    execute(request.stateMachine).then(
      (output) => report({ type: 'ran', id: request.id, output }),
      (error: Error) => report({ type: 'ran', id: request.id, error: error.message }),
    );
  }
});
process.on('SIGTERM', () => void stop());
report({ type: 'ready' });
