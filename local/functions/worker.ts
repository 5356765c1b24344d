/** Runs one Lambda handler in a thread of its own, with the environment that its function would have. */
import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { observeSdkCalls } from '../permissions/sdk-calls.ts';

const { module: path, handler: name } = workerData as { module: string; handler: string };
const port = parentPort!;

observeSdkCalls(process.env['AWS_REGION'] ?? 'us-east-1', (call) => port.postMessage({ call }));

type Handler = (event: unknown, context: object) => Promise<unknown>;
const loaded = (await import(path)) as Record<string, Handler>;
const handler = loaded[name];
if (handler === undefined) throw new Error(`${path} does not export ${name}`);

port.on('message', async ({ id, event, deadline }: { id: number; event: unknown; deadline: number }) => {
  try {
    const result = await handler(event, {
      awsRequestId: randomUUID(),
      functionName: name,
      callbackWaitsForEmptyEventLoop: false,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    });
    port.postMessage({ id, result });
  } catch (error) {
    const fault = error instanceof Error ? error : new Error(String(error));
    port.postMessage({ id, error: { name: fault.name, message: fault.message, stack: fault.stack } });
  }
});
port.postMessage({ ready: true });
