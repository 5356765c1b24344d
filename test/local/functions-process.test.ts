import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionSpecification } from '../../local/functions/function-host.ts';
import type { FunctionsReport, FunctionsSpecification } from '../../local/functions/main.ts';
import { hostedFunction } from '../../local/run/hosted-function.ts';

const main = fileURLToPath(new URL('../../local/functions/main.ts', import.meta.url));
const module = fileURLToPath(new URL('./fixtures/functions.ts', import.meta.url));
const arnOf = (kind: string, name: string) => `arn:aws:${kind}:us-east-1:000000000000:${name}`;

let folder: string;
let child: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'functions-'));
});
afterEach(async () => {
  if (child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

const functionOf = (handler: string): FunctionSpecification => ({
  name: handler,
  arn: arnOf('lambda', `function:${handler}`),
  role: arnOf('iam', 'role/test'),
  module,
  handler,
  environment: {},
  timeoutSeconds: 60,
  memoryMebibytes: 128,
});

const machineOf = (name: string, ...handlers: string[]) => ({
  name,
  arn: arnOf('states', `stateMachine:${name}`),
  role: arnOf('iam', 'role/test'),
  definition: {
    StartAt: 'S0',
    States: Object.fromEntries(
      handlers.map((handler, index) => [
        `S${index}`,
        {
          Type: 'Task',
          Resource: arnOf('lambda', `function:${handler}`),
          ResultPath: null,
          ...(index === handlers.length - 1 ? { End: true } : { Next: `S${index + 1}` }),
        },
      ]),
    ),
  },
});

/** Starts the process with these machines, the first of them every tenth of a second. */
async function start(machines: ReturnType<typeof machineOf>[], input: object): Promise<void> {
  const hosted = ['note', 'pause', 'echo'].map((handler) =>
    hostedFunction(functionOf(handler), { TEST_PRIVATE_KEY: 'the pem' }),
  );
  const specification: FunctionsSpecification = {
    directory: join(folder, 'state'),
    region: 'us-east-1',
    endpoints: { kinesis: 'http://127.0.0.1:1', dynamodb: 'http://127.0.0.1:1', s3: 'http://127.0.0.1:1' },
    functions: hosted.map((item) => item.function),
    eventSources: [],
    stateMachines: machines,
    schedules: [
      { name: 's', role: arnOf('iam', 'role/test'), target: machines[0]!.arn, everySeconds: 0.1, input },
    ],
  };
  const file = join(folder, 'specification.json');
  writeFileSync(file, JSON.stringify(specification));
  expect(readFileSync(file, 'utf8')).not.toContain('the pem');
  child = fork(main, [file], { env: { ...process.env, ...hosted[0]!.secrets }, silent: true });
  await reported('ready');
}

async function reported<Type extends FunctionsReport['type']>(
  type: Type,
): Promise<Extract<FunctionsReport, { type: Type }>> {
  for (;;) {
    const [report] = (await once(child, 'message')) as [FunctionsReport];
    if (report.type === type) return report as Extract<FunctionsReport, { type: Type }>;
  }
}

const calls = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
};

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}

describe('the process of the functions', () => {
  it('starts nothing by a schedule any more once it has been drained, and runs what it is asked for', async () => {
    const file = join(folder, 'calls');
    const asked = machineOf('asked', 'echo');
    await start([machineOf('scheduled', 'note'), asked], { file });
    await until(() => calls(file).length > 2);
    // A key reaches the function, although it is in no file.
    expect(new Set(calls(file))).toEqual(new Set(['the pem']));
    child.send({ type: 'drain', id: 1 });
    await reported('drained');
    const before = calls(file).length;
    await sleep(500);
    expect(calls(file)).toHaveLength(before);
    child.send({ type: 'run', id: 2, stateMachine: asked.arn });
    expect(await reported('ran')).toEqual({ type: 'ran', id: 2, output: {} });
    expect(calls(file)).toHaveLength(before);
  });

  it('lets an execution come to its end before it says that all is drained', async () => {
    const file = join(folder, 'calls');
    await start([machineOf('slow', 'pause', 'note')], { file, millis: 1_000, begun: join(folder, 'begun') });
    await until(() => calls(join(folder, 'begun')).length > 0);
    child.send({ type: 'drain', id: 1 });
    await reported('drained');
    expect(calls(file)).toHaveLength(1);
  });
});
