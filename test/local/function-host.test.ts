import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { FunctionHost, type FunctionSpecification } from '../../local/functions/function-host.ts';
import type { SdkCall } from '../../local/permissions/sdk-calls.ts';

const module = fileURLToPath(new URL('./fixtures/functions.ts', import.meta.url));
const hosts: FunctionHost[] = [];
function specification(
  handler: string,
  environment: Record<string, string> = {},
  timeoutSeconds = 10,
): FunctionSpecification {
  return {
    name: handler,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${handler}`,
    role: 'arn:aws:iam::000000000000:role/test',
    module,
    handler,
    environment,
    timeoutSeconds,
    memoryMebibytes: 128,
  };
}
function host(...parameters: Parameters<typeof specification>): FunctionHost {
  const made = new FunctionHost(specification(...parameters));
  hosts.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((made) => made.stop()));
});

describe('the function host', () => {
  it('gives each function its own environment and keeps its state between invocations', async () => {
    const left = host('echo', { WORD: 'left' });
    const right = host('echo', { WORD: 'right' });
    expect(await left.invoke(1)).toEqual({ event: 1, word: 'left', count: 1 });
    expect(await left.invoke(2)).toEqual({ event: 2, word: 'left', count: 2 });
    expect(await right.invoke(3)).toEqual({ event: 3, word: 'right', count: 1 });
  });

  it('shows the environment of the caller to nobody', async () => {
    process.env['WORD'] = 'leaked';
    expect(await host('echo').invoke(1)).toMatchObject({ word: undefined });
    delete process.env['WORD'];
  });

  it('passes on the name of an error, which state machines match', async () => {
    await expect(host('fail').invoke({})).rejects.toMatchObject({ name: 'Refused', message: 'not today' });
  });

  it('ends a function that exceeds its time, and starts it anew', async () => {
    const hanging = host('hang', {}, 0.3);
    await expect(hanging.invoke({})).rejects.toMatchObject({ name: 'Sandbox.Timedout' });
    await expect(hanging.invoke({})).rejects.toMatchObject({ name: 'Sandbox.Timedout' });
  });

  it('survives a function that takes its thread down', async () => {
    const dying = host('die');
    await expect(dying.invoke({})).rejects.toMatchObject({ name: 'Runtime.ExitError' });
    await expect(dying.invoke({})).rejects.toMatchObject({ name: 'Runtime.ExitError' });
  });

  it('tells of the calls to AWS that a function makes', async () => {
    const calls: SdkCall[] = [];
    const asking = new FunctionHost(
      {
        ...specification('ask', { AWS_REGION: 'eu-west-1' }),
        module: fileURLToPath(new URL('./fixtures/calling.ts', import.meta.url)),
      },
      (call) => calls.push(call),
    );
    hosts.push(asking);
    expect(await asking.invoke('kalshi')).toBe('refused');
    expect(calls).toEqual([
      {
        action: 'secretsmanager:GetSecretValue',
        resource: 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:kalshi-000000',
      },
    ]);
  });
});
