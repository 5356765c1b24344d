import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'aws-lambda';
import S3rver from 's3rver';
import { afterAll, beforeAll } from 'vitest';
import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import type { Configuration } from '#src/config/schema.ts';
import { allows } from '../../local/permissions/policies.ts';
import { observeSdkCalls } from '../../local/permissions/sdk-calls.ts';
import { type Definition, LocalStateMachine } from '../../local/state-machines/state-machine.ts';
import { functionEnvironment } from '../../local/template/substitutions.ts';
import { type TemplateWiring, wiringOf } from '../../local/template/wiring.ts';
import { useTables } from '../catalogue/table.ts';
import { assemblyOf } from '../contracts/assembly.ts';
import type { World } from '../merge/lines.ts';
import type { EmfLine } from '../telemetry/emf.ts';

export type Job = 'export' | 'audit' | 'retention';
type Handler = (event: unknown, context: Context) => Promise<unknown>;

export interface Jobs {
  /** That of the leases. */
  table(): CatalogueTable;
  /** The bucket of the tape's files. */
  store(): S3ObjectStore;
  /** Forgets leases and files. */
  clear(): Promise<void>;
  /**
   * Runs the deployed state machine of a job once, its functions with what the template gives them.
   *
   * @param change of what a function answers or throws.
   */
  run(job: Job, made: World, change?: Interfere): Promise<Run>;
  /** Calls to AWS that the role of a function would have been refused. */
  readonly refused: Set<string>;
}

export type Interfere = (
  payload: Readonly<Record<string, unknown>>,
  invoke: () => Promise<unknown>,
) => Promise<unknown>;

export interface Run {
  readonly output: Readonly<Record<string, unknown>> | null;
  /** What the machine failed with. */
  readonly error: Error | null;
  /** What its functions were asked, in order. */
  readonly steps: readonly Readonly<Record<string, unknown>>[];
  readonly metrics: readonly EmfLine[];
}

const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
const REGION = 'us-east-1';

/** With shorter waits between attempts. */
const hasty = (definition: Definition): Definition =>
  JSON.parse(
    JSON.stringify(definition)
      .replace(/"IntervalSeconds":\d+/g, '"IntervalSeconds":1')
      .replace(/"BackoffRate":2/g, '"BackoffRate":1'),
  );

/** The jobs of an environment against stand-ins of this test file; call at its top. */
export function useJobs(
  configuration: Configuration,
  logOf: (work: () => Promise<unknown>) => Promise<EmfLine[]>,
): Jobs {
  const tables = useTables();
  const directory = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
  const refused = new Set<string>();
  let wiring: TemplateWiring;
  let server: S3rver;
  let endpoint: string;
  let table: CatalogueTable;
  let role = '';
  let executions = 0;
  beforeAll(async () => {
    wiring = wiringOf(assemblyOf(configuration));
    server = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets: wiring.buckets.map((name) => ({ name })),
    });
    endpoint = `http://127.0.0.1:${(await server.run()).port}`;
    observeSdkCalls(REGION, ({ action, resource }) => {
      if (role === '') return;
      const meant = resource.replace(table.name, wiring.tables[0]!.TableName!);
      if (!allows(wiring.permissions[role], action, meant)) refused.add(`${action} ${resource}`);
    });
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const bucket = (): string =>
    wiring.functions.find(({ environment }) => 'TAPE_BUCKET' in environment)!.environment['TAPE_BUCKET']!;
  return {
    table: () => table,
    refused,
    store: () =>
      new S3ObjectStore(s3Client({ region: REGION, endpoint, credentials: CREDENTIALS }), bucket()),
    async clear() {
      table = await tables.fresh();
      const files = join(directory, bucket());
      for (const name of readdirSync(files)) rmSync(join(files, name), { recursive: true });
    },
    async run(job, made, change = (_, invoke) => invoke()) {
      const specification = wiring.functions.find(({ module }) =>
        module.endsWith(`lambdas/${job}/handler.ts`),
      )!;
      const machine = wiring.stateMachines.find(({ definition }) =>
        JSON.stringify(definition).includes(specification.arn),
      )!;
      const variables = functionEnvironment(
        { ...specification.environment, LOG_LEVEL: 'silent' },
        {
          region: REGION,
          endpoints: { s3: endpoint, dynamodb: tables.endpoint(), kinesis: 'http://127.0.0.1:1' },
          databaseSecrets: wiring.databaseSecrets,
          databaseUrls: {
            production: made.productionDatabase.url,
            a: made.databases.a.url,
            b: made.databases.b.url,
            c: made.databases.c.url,
          },
          keys: {},
          configuration,
        },
      );
      const before = { ...process.env };
      // The stand-in has one table of a name of its own.
      Object.assign(process.env, variables, { CATALOGUE_TABLE: table.name });
      const handler = (await import(`../../lambdas/${job}/handler.ts`)).handler as Handler;
      const steps: Readonly<Record<string, unknown>>[] = [];
      const context = { getRemainingTimeInMillis: () => 900_000 } as unknown as Context;
      const local = new LocalStateMachine(job, hasty(machine.definition), async (_, payload) => {
        const event = payload as Readonly<Record<string, unknown>>;
        steps.push(event);
        return await change(event, () => handler(event, context));
      });
      let output: Run['output'] = null;
      let error: Run['error'] = null;
      role = specification.role;
      const metrics = await logOf(async () => {
        try {
          output = (await local.run({}, `execution-${++executions}`)) as Run['output'];
        } catch (thrown) {
          error = thrown as Error;
        }
      });
      role = '';
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
      return { output, error, steps, metrics };
    },
  };
}
