import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../containers/timescaledb/host.sh', import.meta.url));
const VOLUME = 'vol-0123456789abcdef0';
const PASSWORD = 'never-to-be-seen';

/** What stands in for the programs of a machine; each call is one line of the journal. */
const PROGRAMS: Readonly<Record<string, string>> = {
  aws: `case "$1 $2" in
  'ec2 attach-volume')
    left=$(cat "$STATE/busy" 2>/dev/null || echo 0)
    if [ -e "$STATE/taken" ] && [ "\${10}" = "$(cat "$STATE/taken")" ]; then exit 254; fi
    if [ "$left" -gt 0 ]; then echo $((left - 1)) >"$STATE/busy"; exit 255; fi
    touch "$DEVICES/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0" ;;
  'ec2 create-tags') [ ! -e "$STATE/untaggable" ] ;;
  'secretsmanager get-secret-value') cat "$STATE/secret" ;;
  'secretsmanager put-secret-value')
    for argument; do case $argument in file://*) cp "\${argument#file://}" "$STATE/secret" ;; esac; done ;;
  'ecr get-login-password') echo registry-token ;;
esac`,
  blkid: 'exit "$(cat "$STATE/blkid")"',
  chown: '',
  curl: 'echo i-1',
  dnf: '',
  docker: `case "$1 $2" in
  'image inspect') [ -e "$STATE/image" ] ;;
  'pull --quiet') touch "$STATE/image" ;;
  'login --username') cat >/dev/null ;;
  'exec --interactive') cat >>"$STATE/sql" ;;
esac`,
  'mkfs.xfs': 'echo 0 >"$STATE/blkid"',
  mount: 'touch "$STATE/mounted"',
  mountpoint: '[ -e "$STATE/mounted" ]',
  openssl: `previous=
for argument; do
  case $previous in -keyout|-out) echo "made by openssl" >"$argument" ;; esac
  previous=$argument
done`,
  systemctl: '',
  xfs_growfs: '',
};

/** The three questions that the script asks of JSON. */
const JQ = `
const { readFileSync } = require('node:fs');
const given = process.argv.slice(2);
const secret = JSON.parse(readFileSync(0, 'utf8'));
if (given.includes('.password')) process.stdout.write(secret.password);
else if (given[0] === '--rawfile') {
  process.stdout.write(JSON.stringify({ ...secret, ca: readFileSync(given[2], 'utf8').replace(/\\n$/, '') }));
} else process.stdout.write((secret.ca ?? '') + '\\n');
`;

let folder: string;
const state = (name: string): string => join(folder, 'state', name);
const unit = (name: string): string => readFileSync(join(folder, 'units', name), 'utf8');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'line-database-'));
  for (const part of ['bin', 'state', 'devices', 'units', 'data']) mkdirSync(join(folder, part));
  const program = (name: string, text: string): void => {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\necho "${name} $*" >>"$STATE/journal"\n${text}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  for (const [name, text] of Object.entries(PROGRAMS)) program(name, text);
  writeFileSync(join(folder, 'jq.cjs'), JQ);
  program('jq', `exec "${process.execPath}" "${join(folder, 'jq.cjs')}" "$@"`);
  writeFileSync(state('blkid'), '2');
  writeFileSync(state('secret'), JSON.stringify({ host: 'h', username: 'tape', password: PASSWORD }));
  writeFileSync(join(folder, 'meminfo'), 'MemTotal:       16777216 kB\nMemFree: 1 kB\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the script as a boot does; returns its exit code and what it called. */
function boot(): { readonly code: number | null; readonly calls: readonly string[]; readonly said: string } {
  rmSync(state('journal'), { force: true });
  const { status, stdout, stderr } = spawnSync('/bin/bash', [SCRIPT], {
    encoding: 'utf8',
    env: {
      PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
      STATE: join(folder, 'state'),
      DATA: join(folder, 'data'),
      RUN: join(folder, 'run'),
      UNITS: join(folder, 'units'),
      DEVICES: join(folder, 'devices'),
      MEMORY: join(folder, 'meminfo'),
      PAUSE: '0',
      REGION: 'eu-west-1',
      VOLUME,
      VOLUME_TAG: 'Key=prediction-tape:line-database,Value=demo-a',
      SECRET: 'arn:secret',
      IMAGE: 'registry.example/repository:tag',
      HOST_NAME: 'database-a.demo.prediction-tape.internal',
      GATHERER: 'a',
      LOG_GROUP: 'logs',
      METRICS_NAMESPACE: 'PredictionTape/demo',
    },
  });
  const calls = existsSync(state('journal')) ? readFileSync(state('journal'), 'utf8').trim().split('\n') : [];
  return { code: status, calls, said: `${stdout}${stderr}` };
}

/** Of the calls, those of a program, without their arguments' details. */
const of = (calls: readonly string[], beginning: string): readonly string[] =>
  calls.filter((call) => call.startsWith(beginning));

describe('the machine of a line database', () => {
  it('attaches, formats and mounts an empty volume, then starts the server', () => {
    const { code, calls, said } = boot();
    expect(said).toContain('ready');
    expect(code).toBe(0);
    const order = [
      `aws ec2 attach-volume --region eu-west-1 --volume-id ${VOLUME} --instance-id i-1`,
      'blkid',
      'mkfs.xfs',
      'mount -o noatime',
      'aws secretsmanager put-secret-value',
      'docker pull --quiet registry.example/repository:tag',
      'systemctl restart line-database.service',
      'docker exec --interactive line-database psql',
    ].map((beginning) => calls.findIndex((call) => call.startsWith(beginning)));
    expect(order).not.toContain(-1);
    expect([...order].sort((one, other) => one - other)).toEqual(order);
  });

  it('never formats a volume that has a file system', () => {
    writeFileSync(state('blkid'), '0');
    const { code, calls } = boot();
    expect(code).toBe(0);
    expect(of(calls, 'mkfs')).toEqual([]);
    expect(of(calls, 'mount ')).toHaveLength(1);
  });

  it.each([['4'], ['8'], ['127']])(
    'stops before a volume that it cannot read (blkid ends with %s)',
    (blkid) => {
      writeFileSync(state('blkid'), blkid);
      const { code, calls, said } = boot();
      expect(code).not.toBe(0);
      expect(said).toContain(`${VOLUME} cannot be read`);
      expect(of(calls, 'mkfs')).toEqual([]);
      expect(of(calls, 'mount ')).toEqual([]);
      expect(of(calls, 'systemctl')).toEqual([]);
    },
  );

  it('waits for a volume that the machine before it still has', () => {
    writeFileSync(state('busy'), '3');
    const { code, calls } = boot();
    expect(code).toBe(0);
    expect(of(calls, 'aws ec2 attach-volume')).toHaveLength(4);
  });

  it('takes another name for it while the volume that it replaces has the first', () => {
    writeFileSync(state('taken'), '/dev/sdf');
    const { code, calls } = boot();
    expect(code).toBe(0);
    expect(of(calls, 'aws ec2 attach-volume').map((call) => call.split(' ').at(-1))).toEqual([
      '/dev/sdf',
      '/dev/sdg',
    ]);
  });

  it('tags whatever volume it uses, so that snapshots are made of it, at every boot', () => {
    const tagging = `aws ec2 create-tags --region eu-west-1 --resources ${VOLUME} --tags Key=prediction-tape:line-database,Value=demo-a`;
    expect(of(boot().calls, 'aws ec2 create-tags')).toEqual([tagging]);
    expect(of(boot().calls, 'aws ec2 create-tags')).toEqual([tagging]);
  });

  it('starts the server also when it may not tag the volume, and says so', () => {
    writeFileSync(state('untaggable'), '');
    const { code, said } = boot();
    expect(code).toBe(0);
    expect(said).toContain(`${VOLUME} has no tag`);
    expect(said).toContain('ready');
  });

  it('changes nothing when it runs again', () => {
    expect(boot().code).toBe(0);
    const { code, calls } = boot();
    expect(code).toBe(0);
    for (const beginning of [
      'aws ec2 attach',
      'mkfs',
      'mount ',
      'openssl',
      'docker pull',
      'systemctl restart',
    ])
      expect(of(calls, beginning)).toEqual([]);
    expect(of(calls, 'aws secretsmanager put-secret-value')).toEqual([]);
    expect(of(calls, 'systemctl start line-database.service')).toHaveLength(1);
  });

  it('keeps its authority on the volume, and names it in the secret beside what was there', () => {
    boot();
    const secret = JSON.parse(readFileSync(state('secret'), 'utf8'));
    expect(secret).toEqual({ host: 'h', username: 'tape', password: PASSWORD, ca: 'made by openssl' });
    // Another machine, the same volume: what lay in memory is gone.
    rmSync(join(folder, 'run'), { recursive: true });
    rmSync(state('mounted'));
    const { calls } = boot();
    expect(of(calls, 'openssl req -x509')).toEqual([]);
    expect(of(calls, 'openssl x509')).toHaveLength(1);
    expect(of(calls, 'aws secretsmanager put-secret-value')).toEqual([]);
  });

  it('gives the server the password of the secret, without showing it', () => {
    const { calls, said } = boot();
    expect(readFileSync(join(folder, 'run', 'password'), 'utf8')).toBe(PASSWORD);
    expect(readFileSync(state('sql'), 'utf8')).toContain("ALTER ROLE tape PASSWORD :'password';");
    expect(`${calls.join('\n')}${said}${unit('line-database.service')}`).not.toContain(PASSWORD);
    expect(existsSync(join(folder, 'run', 'secret'))).toBe(false);
  });

  it('starts the server with its memory, nothing to write but its data, and never without its volume', () => {
    boot();
    const text = unit('line-database.service');
    expect(text).toContain('shared_buffers=4096MB');
    for (const flag of ['--read-only', '--cap-drop ALL', '--security-opt no-new-privileges'])
      expect(text).toContain(flag);
    expect(text).toContain(`ConditionPathIsMountPoint=${join(folder, 'data')}`);
    // Started by the script alone, when the volume is there.
    expect(text).not.toContain('[Install]');
  });
});
