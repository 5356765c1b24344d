import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfiguration } from '#src/config/load.ts';
import { configurationSchema } from '#src/config/schema.ts';
import { venueNames } from '#src/events/event.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { snapshotPlanEnvironment } from '../../lambdas/snapshot-plan/contract.ts';
import { snapshotPollEnvironment } from '../../lambdas/snapshot-poll/contract.ts';

const folders = readdirSync('src/venues', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Files outside of a venue's folder that may name it, and why. */
const mayNameVenues: Readonly<Record<string, string>> = {
  'src/events/event.ts': 'the names',
  'src/venues/registration.ts': 'the registration',
  'local/run/capture-scope.ts': 'what it leaves out of a log of events is one venue’s family of markets',
  'src/replay/ownership.ts': "the replay server speaks the venues' own protocols",
  'src/replay/recorded-message.ts': "the replay server speaks the venues' own protocols",
};

/** A venue as a text of its own, or its folder in an import. */
const naming = new RegExp(`(['"\`])(${folders.join('|')})\\1|/(${folders.join('|')})/`);

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (path.endsWith('.ts')) yield path;
  }
}

describe('a venue', () => {
  it('is one folder, one name and one registration', () => {
    expect(folders.sort()).toEqual([...venueNames].sort());
    for (const name of folders) {
      expect(readdirSync(join('src/venues', name)), name).toContain('venue.ts');
      expect(venueDefinition(name as (typeof venueNames)[number]).venue).toBe(name);
    }
  });

  it('is named nowhere else in what captures, polls, queries and runs it all on one machine', () => {
    const naming_files: string[] = [];
    for (const folder of ['src', 'lambdas', 'containers', 'cli', 'local']) {
      for (const file of sources(folder)) {
        if (venueNames.some((venue) => file.startsWith(join('src/venues', venue, '/')))) continue;
        if (
          readFileSync(file, 'utf8')
            .split('\n')
            .some((line) => naming.test(line))
        )
          naming_files.push(file);
      }
    }
    expect(naming_files.sort()).toEqual(Object.keys(mayNameVenues).sort());
  });

  it.each(venueNames)('says the same of itself everywhere: %s', (venue) => {
    const definition = venueDefinition(venue);
    const profile = definition.session({ useYesPrice: false, combos: false });
    expect(definition.decoder().venue).toBe(venue);
    expect(profile.venue).toBe(venue);
    expect(profile.isNumbered('book')).toBe(definition.isNumbered);
    expect(definition.booksPerRequest).toBeGreaterThan(0);
  });

  it.each(venueNames)(
    'has its section in every configuration, and a rate for its snapshot poll: %s',
    (venue) => {
      for (const file of readdirSync('config').filter((name) => name.endsWith('.yaml'))) {
        const { venues } = parse(readFileSync(join('config', file), 'utf8')) as {
          venues: Record<string, unknown>;
        };
        expect(venues, file).toHaveProperty(venue);
      }
      expect(Object.keys(configurationSchema.shape.venues.shape)).toContain(venue);
      const rate = `${venue.toUpperCase()}_REQUESTS_PER_SECOND`;
      expect(snapshotPlanEnvironment.shape).toHaveProperty(rate);
      expect(snapshotPollEnvironment.shape).toHaveProperty(rate);
    },
  );

  it('asks no more of REST than the share of the limits that is configured', () => {
    expect(loadConfiguration('config/local.yaml', {}).venues.kalshi.rate_share).toBe(0.3);
    for (const rate_share of [0, 1.5, '-1']) {
      const parsed = configurationSchema.safeParse({
        environment: 'local',
        venues: {
          kalshi: { rest_url: 'https://k', websocket_url: 'wss://k', rate_share },
          polymarket: { clob_url: 'https://p', gamma_url: 'https://p', websocket_url: 'wss://p', rate_share },
        },
      });
      expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual([
        'venues.kalshi.rate_share',
        'venues.polymarket.rate_share',
      ]);
    }
  });
});
