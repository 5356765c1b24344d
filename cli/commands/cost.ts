import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { type Bill, billOf } from '#src/cost/bill.ts';
import { type Assumptions, defaultAssumptions, type Packing } from '#src/cost/load.ts';
import { readPriceList } from '#src/cost/price-list.ts';
import { type Alternative, sensitivityOf } from '#src/cost/sensitivity.ts';
import { type CostedTemplate, resourcesOf } from '#src/cost/template-resources.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { withScratchFolder } from '../terminal/leftovers.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ALTERNATIVES_SHOWN = 8;

interface CostOptions {
  readonly env: 'demo' | 'prod';
  readonly rate?: number;
  readonly instruments?: number;
  readonly assume: Partial<Assumptions>;
  readonly templates?: string;
  readonly json?: boolean;
}

function parseAmount(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0');
  return value;
}

function parseAssumption(text: string, before: Partial<Assumptions>): Partial<Assumptions> {
  const [name = '', value = ''] = text.split('=');
  if (!(name in defaultAssumptions)) {
    throw new InvalidArgumentError(
      `expected NAME=NUMBER, with one of ${Object.keys(defaultAssumptions).join(', ')}`,
    );
  }
  return { ...before, [name]: parseAmount(value) };
}

/** Writes the templates of an environment, without code: no account, no Docker, no credentials. */
async function synthesize(environment: string, directory: string): Promise<void> {
  const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8'));
  const child = spawn(process.execPath, [join(root, 'bin/prediction-tape.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      CDK_OUTDIR: directory,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, env: environment, 'aws:cdk:bundling-stacks': [] }),
    },
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new CommandFailure(`the templates of ${environment} cannot be made: ${said.trim()}`);
}

/** Templates in a folder, as a synthesis leaves them, by what each stack is within its environment. */
function readTemplates(directory: string): ReadonlyMap<string, CostedTemplate> {
  let files: string[];
  try {
    files = readdirSync(directory).filter((file) => file.endsWith('.template.json'));
  } catch (error) {
    throw new CommandFailure(`${directory}: ${(error as Error).message}`);
  }
  if (files.length === 0) throw new CommandFailure(`${directory}: there are no templates (*.template.json)`);
  return new Map(
    files.map((file) => [
      file.replace('.template.json', ''),
      JSON.parse(readFileSync(join(directory, file), 'utf8')) as CostedTemplate,
    ]),
  );
}

/** The templates of an environment, from a folder, or made now. */
export async function templatesOf({
  env,
  templates,
}: Pick<CostOptions, 'env' | 'templates'>): Promise<ReadonlyMap<string, CostedTemplate>> {
  if (templates !== undefined) return readTemplates(templates);
  return await withScratchFolder('prediction-tape-cost-', async (directory) => {
    await synthesize(env, directory);
    return readTemplates(directory);
  });
}

/** What of a configuration decides how events become records. */
export function packingOf({ stream, capture, snapshot_poll, venues }: Configuration): Packing {
  const { kalshi, polymarket } = venues;
  return {
    lanes: stream.lanes,
    lingerMillis: stream.linger_milliseconds,
    maxEventsPerRecord: stream.max_events_per_record,
    snapshotIntervalSeconds: capture.snapshot_interval_seconds,
    anchorIntervalSeconds: capture.anchor_interval_seconds,
    pollIntervalSeconds: snapshot_poll.enabled ? snapshot_poll.interval_seconds : null,
    kalshiShare: kalshi.enabled ? (polymarket.enabled ? 0.5 : 1) : 0,
  };
}

const dollars = (amount: number): string =>
  amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

function show(
  environment: string,
  assumptions: Assumptions,
  bill: Bill,
  changes: readonly Alternative[],
): string {
  const amount = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 1 });
  const rows = bill.services.flatMap(({ service, dollars: sum }) => [
    `${service.padEnd(58)} ${dollars(sum).padStart(10)}`,
    ...bill.lines
      .filter((line) => line.service === service && line.dollars >= 0.01)
      .map(
        ({ item, quantity, unit, dollars: part }) =>
          `  ${`${item}: ${amount(quantity)} ${unit}`.slice(0, 70).padEnd(70)} ${dollars(part).padStart(10)}`,
      ),
  ]);
  return [
    `${environment}: ${amount(assumptions.rate)} events a second on each line, ${amount(assumptions.instruments)} instruments,`,
    `prices of ${bill.region} of ${bill.pricesOf}, on demand, without taxes, discounts and free tiers; USD a month`,
    '',
    ...rows,
    '',
    `${'total'.padEnd(58)} ${dollars(bill.dollars).padStart(10)}`,
    `${'of it by prices from memory, that nobody has checked'.padEnd(58)} ${dollars(bill.uncheckedDollars).padStart(10)}`,
    `for a million events on the tape${' '.repeat(27)}${bill.dollarsPerMillionEvents.toFixed(3).padStart(10)}`,
    '',
    'what would change it most',
    ...changes
      .slice(0, ALTERNATIVES_SHOWN)
      .map(
        ({ what, difference }) =>
          `  ${what.padEnd(56)} ${`${difference > 0 ? '+' : '−'}${dollars(Math.abs(difference))}`.padStart(10)}`,
      ),
    '',
  ].join('\n');
}

/** `tape cost`: the AWS bill of what the templates declare, under a load. */
export function costCommand(): Command {
  return new Command('cost')
    .description('the monthly AWS bill of an environment, from its templates and a load')
    .addOption(
      new Option('--env <environment>', 'which environment').choices(['demo', 'prod']).default('prod'),
    )
    .option(
      '--rate <events>',
      `events a second on each line (default: ${defaultAssumptions.rate})`,
      parseAmount,
    )
    .option(
      '--instruments <count>',
      `instruments captured (default: ${defaultAssumptions.instruments})`,
      parseAmount,
    )
    .option(
      '--assume <name=number>',
      'another assumption than the usual; may be repeated',
      parseAssumption,
      {},
    )
    .option('--templates <folder>', 'templates of a synthesis, such as cdk.out; they are made when absent')
    .option('--json', 'one JSON object')
    .action(async (options: CostOptions) => {
      const configuration = loadConfiguration(join(root, 'config', `${options.env}.yaml`), process.env);
      const prices = readPriceList(configuration.deployment.region);
      const assumptions: Assumptions = {
        ...defaultAssumptions,
        ...options.assume,
        ...(options.rate === undefined ? {} : { rate: options.rate }),
        ...(options.instruments === undefined ? {} : { instruments: options.instruments }),
      };
      const resources = resourcesOf(await templatesOf(options));
      const packing = packingOf(configuration);
      const bill = billOf(resources, assumptions, packing, prices);
      const changes = sensitivityOf({ resources, assumptions, packing }, bill, prices);
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({
              environment: options.env,
              assumptions,
              region: bill.region,
              prices_of: bill.pricesOf,
              services: bill.services,
              lines: bill.lines,
              dollars_per_month: bill.dollars,
              unchecked_dollars_per_month: bill.uncheckedDollars,
              dollars_per_million_events: bill.dollarsPerMillionEvents,
              alternatives: changes,
            })}\n`
          : show(options.env, assumptions, bill, changes),
      );
    });
}
