import { describe, expect, it } from 'vitest';
import { venueNames } from '#src/events/event.ts';
import { projectPath } from '../../local/template/project-path.ts';
import {
  functionEnvironment,
  gathererEnvironment,
  type LocalMachine,
  SUBSTITUTIONS,
} from '../../local/template/substitutions.ts';
import { wiringOf } from '../../local/template/wiring.ts';
import { assemblyOf, configurationOf } from './assembly.ts';
import { programs } from './programs.ts';

const configuration = configurationOf('local');
const wiring = wiringOf(assemblyOf(configuration));
const machine: LocalMachine = {
  region: wiring.region,
  endpoints: { kinesis: 'http://k', dynamodb: 'http://d', s3: 'http://s' },
  databaseSecrets: wiring.databaseSecrets,
  databaseUrls: { a: 'postgres://a', b: 'postgres://b', c: 'postgres://c', production: 'postgres://p' },
  keys: { kalshi: { keyId: 'key', privateKey: 'pem' } },
  configuration: {
    ...configuration,
    venues: {
      kalshi: { ...configuration.venues.kalshi, rest_url: 'http://kalshi' },
      polymarket: { ...configuration.venues.polymarket, clob_url: 'http://clob', enabled: false },
    },
  },
};
const place = {
  configurationFile: 'config/local.yaml',
  dataDirectory: '/data/a',
  venues: { KALSHI_KEY_ID: 'key', KALSHI_WEBSOCKET_URL: 'ws://kalshi' },
};
const found = [
  ...wiring.functions.map(({ module, environment }) => ({
    module,
    before: environment,
    after: functionEnvironment(environment, machine),
  })),
  ...wiring.containers.map((container) => ({
    module: container.module,
    before: container.environment,
    after: gathererEnvironment(container, machine, place),
  })),
];
const functionOf = (folder: string) =>
  found.find(({ module }) => module === projectPath(`lambdas/${folder}/handler.ts`))!;

/** Variables in which two environments differ. */
function differing(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => before[name] !== after[name],
  );
}

describe('the substitutions of the local run', () => {
  it('are the only differences from the templates, each in the variables that it names', () => {
    for (const { before } of found) {
      let environment = before;
      for (const { variables, apply } of SUBSTITUTIONS) {
        const next = apply(environment, machine, place);
        expect(differing(environment, next).filter((name) => !variables.test(name))).toEqual([]);
        environment = next;
      }
    }
    for (const { before, after } of found) {
      expect(
        differing(before, after).filter(
          (name) => !SUBSTITUTIONS.some(({ variables }) => variables.test(name)),
        ),
      ).toEqual([]);
    }
  });

  it('are each of use, with a reason', () => {
    for (const { apply, reason } of SUBSTITUTIONS) {
      expect(reason.length).toBeGreaterThan(20);
      expect(found.some(({ before }) => differing(before, apply(before, machine, place)).length > 0)).toBe(
        true,
      );
    }
  });

  it('leave an environment that the contract still accepts', () => {
    for (const { module, after } of found) {
      const [, contract] = Object.entries(programs).find(([path]) => projectPath(path) === module)!;
      expect(contract.environment.safeParse(after).error).toBeUndefined();
    }
  });

  it('put the database in the place of its own secret', () => {
    const { after } = functionOf('merge');
    expect(after).toMatchObject({
      PRODUCTION_DATABASE_URL: 'postgres://p',
      LINE_A_DATABASE_URL: 'postgres://a',
      LINE_B_DATABASE_URL: 'postgres://b',
      LINE_C_DATABASE_URL: 'postgres://c',
    });
    expect(Object.keys(after).filter((name) => name.endsWith('SECRET'))).toEqual([]);
  });

  it('keep a secret that no database has, so that its program fails', () => {
    const apply = (value: string) => functionEnvironment({ DATABASE_SECRET: value }, machine);
    expect(apply('arn:of:nothing')).toMatchObject({ DATABASE_SECRET: 'arn:of:nothing' });
  });

  it('leave no service of AWS within reach', () => {
    for (const { after } of found) {
      expect(after['AWS_ENDPOINT_URL']).toBe('http://127.0.0.1:1');
      expect(after['AWS_ACCESS_KEY_ID']).toBe('S3RVER');
    }
  });

  it('poll only the venues that the run has, at its own addresses', () => {
    expect(functionOf('snapshot-plan').after).toMatchObject({ VENUES: 'kalshi' });
    expect(functionOf('snapshot-poll').after).toMatchObject({
      KALSHI_REST_URL: 'http://kalshi',
      POLYMARKET_CLOB_URL: 'http://clob',
      KALSHI_KEY_ID: 'key',
      KALSHI_PRIVATE_KEY: 'pem',
    });
  });

  it('leave no program an address of a venue that is not the run’s', () => {
    const addresses = new Set<string>(
      Object.values(machine.configuration.venues).flatMap((venue) =>
        Object.entries(venue).flatMap(([key, value]) => (key.endsWith('_url') ? [String(value)] : [])),
      ),
    );
    const own = found.flatMap(({ module, before, after }) =>
      Object.keys(before)
        .filter(
          (name) =>
            venueNames.some((venue) => name.startsWith(`${venue.toUpperCase()}_`)) && name.endsWith('_URL'),
        )
        .map((name) => [module, name, addresses.has(after[name]!)]),
    );
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter(([, , isOwn]) => isOwn !== true)).toEqual([]);
  });

  it('give the key of the venue to nobody who does not ask it', () => {
    for (const folder of ['writer', 'merge', 'snapshot-plan', 'snapshot-report']) {
      expect(Object.keys(functionOf(folder).after).filter((name) => name.startsWith('KALSHI_KEY'))).toEqual(
        [],
      );
      expect(functionOf(folder).after).not.toHaveProperty('KALSHI_PRIVATE_KEY');
    }
  });

  it('leave names of streams, tables and buckets, intervals and limits as the templates have them', () => {
    const kept =
      /^(STREAM_|CATALOGUE_TABLE|RAW_BUCKET|GATHERER|STATEMENT_TIMEOUT|ROWS_PER_RUN|INTERVAL|STOP_SECONDS|LOG_LEVEL)/;
    let compared = 0;
    for (const { before, after } of found) {
      for (const [name, value] of Object.entries(before)) {
        if (!kept.test(name)) continue;
        expect(after[name]).toBe(value);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(20);
  });
});
