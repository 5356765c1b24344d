import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium as launcher } from 'playwright-core';
import { inject } from 'vitest';

/** Platforms that the package has a browser for. */
export const hasBrowser = process.platform === 'linux' && process.arch === 'x64';

const PACKED = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'bin');

/** Unpacks into the folder for temporary files that is set at that moment. */
async function unpack(folder: string): Promise<void> {
  const { inflate } = await import('@sparticuz/chromium');
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    await Promise.all(
      ['chromium.br', 'fonts.tar.br', 'swiftshader.tar.br', 'al2023.tar.br'].map((file) =>
        inflate(join(PACKED, file)),
      ),
    );
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** The unpacked browser, kept for later runs of this user; a run that is cut off leaves no half of one. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(PACKED, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const kept = join(inject('keptTemporary'), `prediction-tape-browser-${version}-${userInfo().uid}`);
  if (existsSync(kept)) return kept;
  const partial = mkdtempSync(`${kept}-`);
  await unpack(partial);
  try {
    renameSync(partial, kept);
  } catch {
    // Another run was faster.
    rmSync(partial, { recursive: true, force: true });
  }
  return kept;
}

/**
 * Starts the browser of the package; on machines that lack libraries it brings its own.
 *
 * @throws with what it says when it cannot be started.
 */
export async function startBrowser(): Promise<Browser> {
  const folder = await unpacked();
  const start = (environment: Record<string, string>): Promise<Browser> =>
    launcher.launch({
      executablePath: join(folder, 'chromium'),
      args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'],
      env: { ...process.env, FONTCONFIG_PATH: join(folder, 'fonts'), LANG: 'en_US.UTF-8', ...environment },
    });
  try {
    return await start({});
  } catch (error) {
    if (!/shared librar/.test(String(error))) throw new Error(`Chromium does not start: ${error}`);
  }
  return await start({ LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') });
}
