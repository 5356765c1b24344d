import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (file: string): string =>
  readFileSync(new URL(`../../containers/timescaledb/${file}`, import.meta.url), 'utf8');

const dockerfile = read('Dockerfile');

/** Settings of the file, without what the extension brings. */
const settings = new Map(
  [...read('settings/postgresql.conf').matchAll(/^([\w.]+) = (.+)$/gm)].map(([, name, value]) => [
    name!,
    value!,
  ]),
);

describe('the image of a line database', () => {
  it('is built from one known image, and runs as nobody special', () => {
    const [, ...stages] = dockerfile.split(/^FROM /m);
    expect(stages[0]).toMatch(/^timescale\/timescaledb:\d+\.\d+\.\d+-pg17@sha256:[0-9a-f]{64} AS server$/m);
    for (const stage of stages.slice(1)) expect(stage).toMatch(/^server\b/);
    expect(stages.at(-1)).toMatch(/^USER postgres$/m);
    expect(stages.at(-1)).toMatch(
      /^CMD \["postgres", "-c", "config_file=\/etc\/prediction-tape\/postgresql\.conf"\]$/m,
    );
  });

  it('holds settings that the server itself has accepted', () => {
    expect(dockerfile).toMatch(
      /postgres -D \/tmp\/check -c config_file=\/etc\/prediction-tape\/postgresql\.conf/,
    );
    expect(dockerfile).toContain('COPY --from=checked /etc/prediction-tape /etc/prediction-tape');
  });

  it('lets nobody in from the network without TLS and a password', () => {
    const rules = read('settings/pg_hba.conf')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/));
    expect(rules).toEqual([
      ['local', 'all', 'all', 'trust'],
      ['hostssl', 'all', 'all', 'all', 'scram-sha-256'],
    ]);
    expect(settings.get('ssl')).toBe('on');
    expect(settings.get('password_encryption')).toBe("'scram-sha-256'");
    expect(settings.get('hba_file')).toBe("'/etc/prediction-tape/pg_hba.conf'");
  });

  it('reads its certificate and password where the machine puts them', () => {
    const host = read('host.sh');
    expect(host).toContain('target=/run/line-database,readonly');
    for (const file of [settings.get('ssl_cert_file')!, settings.get('ssl_key_file')!]) {
      expect(file).toMatch(/^'\/run\/line-database\//);
      expect(host).toContain(`"$RUN/${file.slice("'/run/line-database/".length, -1)}"`);
    }
    expect(dockerfile).toContain('POSTGRES_PASSWORD_FILE=/run/line-database/password');
  });
});
