import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA_DIRECTORY } from '../../lib/constructs/gatherer-service.ts';
import { assembleGathererImage, GATHERER_ENTRY, PROGRAM_FOLDER } from '../../lib/gatherer-image.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'gatherer-image-'));
const program = join(folder, PROGRAM_FOLDER);
beforeAll(() => assembleGathererImage(folder));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The packages that `npm ci --omit=dev --omit=optional` installs, by their folders. */
function productionPackages(): readonly string[] {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { dev?: true; optional?: true; devOptional?: true }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !(dev ?? optional ?? devOptional))
    .map(([path]) => path);
}

describe('what the image of the gatherer is built from', () => {
  it('is a Dockerfile, the lists of packages and the program, and nothing else', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'Dockerfile',
      'package-lock.json',
      'package.json',
      PROGRAM_FOLDER,
    ]);
    expect(readdirSync(program).sort()).toEqual(['config', 'containers', 'package.json', 'src']);
    expect(readdirSync(join(program, 'containers'))).toEqual(['gatherer']);
    expect(readdirSync(join(program, 'containers/gatherer')).filter((file) => !file.endsWith('.ts'))).toEqual(
      [],
    );
  });

  it('has every file and package that the program imports', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [GATHERER_ENTRY],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    });
    const files = Object.keys(metafile.inputs);
    expect(files.length).toBeGreaterThan(30);
    expect(files.filter((file) => !existsSync(join(program, file)))).toEqual([]);

    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const packages = Object.values(metafile.inputs)
      .flatMap(({ imports }) => imports)
      .filter(({ external, path }) => external === true && !path.startsWith('node:') && !isAbsolute(path))
      .map(({ path }) =>
        path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    expect(packages.length).toBeGreaterThan(0);
    expect([...new Set(packages)].filter((name) => !(name in dependencies))).toEqual([]);
  });
});

describe('the Dockerfile of the gatherer', () => {
  const dockerfile = read('containers/gatherer/Dockerfile');

  it('copies only what is put together for it', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
      sources!.split(' '),
    );
    expect(copied.sort()).toEqual(['package-lock.json', 'package.json', PROGRAM_FOLDER]);
  });

  it('builds on one known image, and runs as nobody special on a volume that is its own', () => {
    expect(dockerfile).toMatch(/^FROM node:24-bookworm-slim@sha256:[0-9a-f]{64} AS runtime$/m);
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].slice(1).map(([, base]) => base)).toEqual([
      'runtime',
      'runtime',
    ]);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toContain(`chown node:node ${DATA_DIRECTORY}`);
    expect(dockerfile).toContain(`VOLUME ["${DATA_DIRECTORY}"]`);
    // Signals reach the program only in the exec form.
    expect(dockerfile).toContain(`CMD ["node", "${GATHERER_ENTRY}"]`);
  });
});

describe('the program of the image', () => {
  let gatherer: ChildProcess | undefined;
  afterAll(() => void gatherer?.kill('SIGKILL'));

  it('starts from exactly its files and production packages, answers for its health, and drains at a signal', async () => {
    for (const path of productionPackages()) {
      cpSync(realpathSync(join(root, path)), join(program, path), { recursive: true });
    }
    // Nothing answers here: the line starts, and waits for its venues and its stream.
    const nowhere = 'http://127.0.0.1:9';
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const child = spawn(process.execPath, [GATHERER_ENTRY], {
      cwd: program,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        GATHERER: 'a',
        CONFIG_FILE: 'config/local.yaml',
        STREAM_NAME: 'stream',
        RAW_BUCKET: 'bucket',
        CATALOGUE_TABLE: 'table',
        DATA_DIRECTORY: join(folder, 'data'),
        HEALTH_PORT: '0',
        STOP_SECONDS: '1',
        KALSHI_KEY_ID: 'key',
        KALSHI_PRIVATE_KEY: privateKey,
        KALSHI_REST_URL: nowhere,
        KALSHI_WEBSOCKET_URL: 'ws://127.0.0.1:9',
        POLYMARKET_CLOB_URL: nowhere,
        POLYMARKET_GAMMA_URL: nowhere,
        POLYMARKET_WEBSOCKET_URL: 'ws://127.0.0.1:9',
        AWS_ACCESS_KEY_ID: 'nobody',
        AWS_SECRET_ACCESS_KEY: 'nobody',
        AWS_REGION: 'us-east-1',
        AWS_ENDPOINT_URL_KINESIS: nowhere,
        AWS_ENDPOINT_URL_S3: nowhere,
        AWS_ENDPOINT_URL_DYNAMODB: nowhere,
      },
    });
    gatherer = child;
    let complaints = '';
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    const exited = once(child, 'exit');
    const started = new Promise<{ health: string }>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        if (line.startsWith('{"ready":true')) resolve(JSON.parse(line));
      });
      void exited.then(([code]) => reject(new Error(`ended with ${code}: ${complaints}`)));
    });
    const { health } = await started;
    const answer = await fetch(`${health}/health`);
    expect([200, 503]).toContain(answer.status);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
