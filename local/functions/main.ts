/**
 * The serverless half of one machine: every function in a thread of its own, fed by event source mappings and
 * by scheduled state machines. Started with the path of a `FunctionsSpecification`; talks to its
 * parent over the IPC channel (`FunctionsRequest`, `FunctionsReport`).
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { KinesisStreamRecord } from 'aws-lambda';
import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';
import { Checkpoints } from '../event-source/checkpoints.ts';
import { EventSource, type EventSourceSpecification } from '../event-source/event-source.ts';
import { putAside } from '../event-source/on-failure.ts';
import type { MadeCall } from '../permissions/call-ledger.ts';
import type { StandInEndpoints } from '../stand-ins/main.ts';
import { LocalStateMachine } from '../state-machines/state-machine.ts';
import type { TemplateSchedule, TemplateStateMachine } from '../template/schedules.ts';
import { FunctionHost, type FunctionSpecification } from './function-host.ts';

/** How long executions that are under way get to end by themselves when a run is drained. */
const EXECUTIONS_END_MILLIS = 20_000;

export interface HostedFunction extends FunctionSpecification {
  /** Variables that it takes from this process: secrets, which are on no disk. */
  readonly inherited: readonly string[];
}

export interface FunctionsSpecification {
  readonly directory: string;
  readonly region: string;
  readonly endpoints: StandInEndpoints;
  readonly functions: readonly HostedFunction[];
  readonly eventSources: readonly EventSourceSpecification[];
  readonly stateMachines: readonly TemplateStateMachine[];
  readonly schedules: readonly TemplateSchedule[];
}

export type FunctionsRequest =
  | { readonly type: 'drain'; readonly id: number }
  | { readonly type: 'run'; readonly id: number; readonly stateMachine: string }
  | { readonly type: 'stop' };

export type FunctionsReport =
  | { readonly type: 'ready' }
  | { readonly type: 'drained'; readonly id: number }
  | { readonly type: 'ran'; readonly id: number; readonly output?: unknown; readonly error?: string }
  /** A kind of call to AWS that was not made before. */
  | ({ readonly type: 'aws-call' } & MadeCall)
  | {
      readonly type: 'execution';
      readonly stateMachine: string;
      readonly tookMillis: number;
      readonly output?: unknown;
      readonly error?: string;
    };

const specification = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as FunctionsSpecification;
mkdirSync(specification.directory, { recursive: true });
const report = (message: FunctionsReport): void => void process.send?.(message);
const warn = (message: string): void => {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
};

const told = new Set<string>();
/** Tells of a call, once of each kind. */
function called(call: MadeCall): void {
  const key = `${call.role} ${call.action} ${call.resource}`;
  if (told.has(key)) return;
  told.add(key);
  report({ type: 'aws-call', ...call });
}

/** The function with what it takes of the environment of this process. */
function withInherited({ inherited, ...item }: HostedFunction): FunctionSpecification {
  const taken = inherited.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...item, environment: { ...item.environment, ...Object.fromEntries(taken) } };
}

const hosts = new Map(
  specification.functions.map((item) => [
    item.arn,
    new FunctionHost(withInherited(item), (call) => called({ role: item.role, ...call })),
  ]),
);
const arns = new Map(specification.functions.map(({ name, arn }) => [name, arn]));

/** @param named name or ARN of the function. */
const invoke = async (named: string, payload: unknown): Promise<unknown> => {
  const host = hosts.get(arns.get(named) ?? named);
  if (host === undefined) throw new Error(`no function is named ${named}`);
  return await host.invoke(payload);
};

const { region, endpoints } = specification;
const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
const kinesis = new KinesisClient({
  endpoint: endpoints.kinesis,
  region,
  credentials,
  requestHandler: new NodeHttpHandler(),
});
const objects = s3Client({ endpoint: endpoints.s3, region, credentials });
const checkpoints = new Checkpoints(join(specification.directory, 'checkpoints.json'));

/** What an event source gave up goes to its on-failure destination; without one it is gone, as on AWS. */
async function giveUp(
  source: EventSourceSpecification,
  record: KinesisStreamRecord,
  reason: string,
): Promise<void> {
  const { role, functionName, onFailureBucket: bucket } = source;
  if (bucket === null) return warn(`${functionName}: a record is given up and gone: ${reason}`);
  called({ role, action: 's3:PutObject', resource: `arn:aws:s3:::${bucket}/aws/lambda` });
  const store = new S3ObjectStore(objects, bucket);
  await putAside(store, source, record, reason, new Date(), randomUUID());
}

const eventSources = specification.eventSources.map((item) => {
  for (const action of ['ListShards', 'GetShardIterator', 'GetRecords'] as const) {
    called({ role: item.role, action: `kinesis:${action}`, resource: item.streamArn });
  }
  return new EventSource(item, {
    kinesis,
    checkpoints,
    invoke: (event) => invoke(item.functionName, event),
    givenUp: (record, reason) => giveUp(item, record, reason),
    warn,
  });
});
await Promise.all(eventSources.map((source) => source.start()));

let stopping = false;
/** Nothing starts by its schedule any more. */
let draining = false;
/** ARNs of the machines whose present execution is not to invoke anything more. */
const cutOff = new Set<string>();
const machines = new Map(
  specification.stateMachines.map(({ name, arn, role, definition }) => [
    arn,
    {
      name,
      machine: new LocalStateMachine(name, definition, async (named, payload) => {
        if (cutOff.has(arn)) throw new Error('the run is being drained');
        called({ role, action: 'lambda:InvokeFunction', resource: named });
        return await invoke(named, payload);
      }),
    },
  ]),
);
const running = new Map<string, Promise<unknown>>();

/**
 * One execution at a time of each machine, as its lease enforces on AWS.
 *
 * @param arn of the machine.
 */
async function execute(arn: string, input: unknown): Promise<unknown> {
  const known = machines.get(arn);
  if (known === undefined) throw new Error(`there is no state machine ${arn}`);
  const { name, machine } = known;
  while (running.has(arn)) await running.get(arn)!.catch(() => {});
  const started = performance.now();
  const took = (): number => Math.round(performance.now() - started);
  const execution = machine.run(input);
  running.set(arn, execution);
  try {
    const output = await execution;
    report({ type: 'execution', stateMachine: name, tookMillis: took(), output });
    return output;
  } catch (error) {
    const fault = error as Error;
    warn(`state machine ${name} failed: ${fault.name}: ${fault.message}`);
    const told = `${fault.name}: ${fault.message}`;
    report({ type: 'execution', stateMachine: name, tookMillis: took(), error: told });
    throw error;
  } finally {
    running.delete(arn);
    cutOff.delete(arn);
  }
}

/** What comes more seldom begins when the run has settled, so that it does not keep the first rows waiting. */
const SELDOM_SECONDS = 1_800;
const SETTLED_MILLIS = 60_000;

async function follow({ role, target, everySeconds, input }: TemplateSchedule): Promise<void> {
  called({ role, action: 'states:StartExecution', resource: target });
  const rest = async (millis: number): Promise<void> => {
    for (let waited = 0; waited < millis && !stopping && !draining; waited += 100)
      await sleep(Math.min(100, millis - waited));
  };
  if (everySeconds > SELDOM_SECONDS) await rest(SETTLED_MILLIS);
  while (!stopping && !draining) {
    const started = Date.now();
    await execute(target, input).catch(() => {});
    await rest(everySeconds * 1_000 - (Date.now() - started));
  }
}
for (const schedule of specification.schedules) void follow(schedule);

/**
 * Stores everything that is on its way. What schedules start would store more and more behind it, so they start nothing
 * from here on, and what they have started comes to its end first.
 */
async function drain(): Promise<void> {
  draining = true;
  const ended = (): Promise<unknown> => Promise.allSettled(running.values());
  await Promise.race([ended(), sleep(EXECUTIONS_END_MILLIS)]);
  for (const arn of running.keys()) cutOff.add(arn);
  await ended();
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
    execute(request.stateMachine, {}).then(
      (output) => report({ type: 'ran', id: request.id, output }),
      (error: Error) => report({ type: 'ran', id: request.id, error: error.message }),
    );
  }
});
process.on('SIGTERM', () => void stop());
report({ type: 'ready' });
