import { describe, expect, it } from 'vitest';
import { loadConfiguration, parseConfiguration } from '#src/config/load.ts';
import { configurationSchema } from '#src/config/schema.ts';
import { ConfigError } from '#src/config/substitution.ts';

const minimal = `
environment: demo
venues:
  kalshi: { rest_url: "https://k.test", websocket_url: "wss://k.test" }
  polymarket: { clob_url: "https://p.test", gamma_url: "https://g.test", websocket_url: "wss://p.test" }
`;

function faults(text: string, environment: Record<string, string> = {}): string {
  try {
    parseConfiguration(text, 'x.yaml', environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('configuration', () => {
  it.each(['local', 'demo', 'prod'])('config/%s.yaml is valid without any environment variable', (name) => {
    expect(loadConfiguration(`config/${name}.yaml`, {}).environment).toBe(name);
  });

  it('uses the 146 + 4 connections of a full Kalshi line unless told otherwise', () => {
    expect(parseConfiguration(minimal, 'x.yaml', {}).venues.kalshi.connections).toEqual({
      book: 144,
      ticker: 2,
      trade: 2,
      lifecycle: 2,
    });
  });

  it('takes numbers and flags that a variable brings as text', () => {
    const configuration = parseConfiguration(
      minimal.replace(
        'rest_url: "https://k.test"',
        'rest_url: "https://k.test", enabled: "${ON}", instruments_per_connection: "${N:-7}"',
      ),
      'x.yaml',
      { ON: 'false' },
    );
    expect(configuration.venues.kalshi.enabled).toBe(false);
    expect(configuration.venues.kalshi.instruments_per_connection).toBe(7);
  });

  it('names the variable and the key when a variable without default is not set', () => {
    expect(faults(minimal.replace('"wss://k.test"', '"${NOWHERE}"'))).toBe(
      'x.yaml: venues.kalshi.websocket_url: the environment variable NOWHERE is not set and has no default',
    );
  });

  it('cannot be given structure by a variable', () => {
    expect(
      faults(minimal.replace('"wss://k.test"', '"${URL}"'), { URL: 'wss://x\nenvironment: prod' }),
    ).toContain('venues.kalshi.websocket_url');
  });

  it.each([
    [
      'an unknown key',
      minimal.replace('environment', 'colour: red\nenvironment'),
      'x.yaml: unknown key colour',
    ],
    [
      'a wrong environment',
      minimal.replace('demo', 'moon'),
      'x.yaml: environment: expected one of "local"|"demo"|"prod", found "moon"',
    ],
    [
      'a wrong number',
      minimal.replace('"wss://k.test"', '"wss://k.test", instruments_per_connection: many'),
      'x.yaml: venues.kalshi.instruments_per_connection: expected a number, found "many"',
    ],
    [
      'a wrong protocol',
      minimal.replace('wss://p.test', 'ftp://p.test'),
      'x.yaml: venues.polymarket.websocket_url: expected a URL starting with wss:// or ws://, found "ftp://p.test"',
    ],
  ])('names file, key and expectation for %s', (_, text, message) => {
    expect(faults(text)).toBe(message);
  });

  it('refuses jobs that start less than once a day, and files too small for a day to go into few', () => {
    const faultsOf = (more: object): string[] =>
      configurationSchema
        .safeParse({
          environment: 'demo',
          venues: {
            kalshi: { rest_url: 'https://x', websocket_url: 'wss://x' },
            polymarket: { clob_url: 'https://x', gamma_url: 'https://x', websocket_url: 'wss://x' },
          },
          ...more,
        })
        .error?.issues.map(({ path }) => path.join('.')) ?? [];
    for (const job of ['merge', 'snapshot_poll', 'export', 'audit', 'retention']) {
      expect(faultsOf({ [job]: { interval_seconds: 86_400 } })).toEqual([]);
      expect(faultsOf({ [job]: { interval_seconds: 86_401 } })).toEqual([`${job}.interval_seconds`]);
    }
    expect(faultsOf({ export: { rows_per_file: 100_000 } })).toEqual([]);
    expect(faultsOf({ export: { rows_per_file: 99_999 } })).toEqual(['export.rows_per_file']);
  });

  it('refuses more Polymarket tokens a socket than get an initial book', () => {
    expect(
      faults(minimal.replace('"wss://p.test"', '"wss://p.test", instruments_per_connection: 501')),
    ).toContain('<=500');
  });

  it('refuses connections and segments that last longer than raw frames are searched back for', () => {
    const long = `${minimal}\ncapture: {connection_max_age_seconds: 14401}\nrecorder: {segment_seconds: 3600.5}\n`;
    expect(faults(long)).toMatch(/capture.connection_max_age_seconds: .*<=14400/);
    expect(faults(long)).toMatch(/recorder.segment_seconds: .*<=3600/);
    const longest = long.replace('14401', '14400').replace('3600.5', '3600');
    expect(parseConfiguration(longest, 'x.yaml', {}).recorder.segment_seconds).toBe(3_600);
  });

  it('says in one line that a file cannot be read or parsed', () => {
    expect(() => loadConfiguration('config/absent.yaml', {})).toThrow(
      'config/absent.yaml: cannot be read (ENOENT)',
    );
    expect(faults('a: [1')).toMatch(/^x\.yaml: .+/);
    expect(faults('a: [1')).not.toContain('\n');
  });
});
