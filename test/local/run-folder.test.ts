import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layoutOf } from '../../local/run/layout.ts';
import { AlreadyRunning, takeLock } from '../../local/run/lock.ts';
import { parseSource } from '../../local/run/sources.ts';
import { readRunState } from '../../local/run/state-file.ts';
import { up } from '../../local/run/up.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'run-folder-'));

describe('the folder of a local run', () => {
  it('belongs to one run at a time', () => {
    const { lockFile } = layoutOf(folder());
    writeFileSync(lockFile, String(process.ppid));
    expect(() => takeLock(lockFile)).toThrow(AlreadyRunning);
    expect(() => takeLock(lockFile)).toThrow(`process ${process.ppid}`);
  });

  it('is taken over from a process that is gone, and free after release', () => {
    const { lockFile } = layoutOf(folder());
    writeFileSync(lockFile, '999999999');
    takeLock(lockFile)();
    takeLock(lockFile)();
  });

  it('says that nothing runs when the state file is absent, broken or of a process that is gone', () => {
    const { stateFile } = layoutOf(folder());
    expect(readRunState(stateFile)).toBeNull();
    writeFileSync(stateFile, '{"pid":');
    expect(readRunState(stateFile)).toBeNull();
    writeFileSync(stateFile, '{"pid":999999999}');
    expect(readRunState(stateFile)).toBeNull();
  });

  it('is not emptied by --fresh when it holds files and none of a run’s', async () => {
    const data = folder();
    const precious = join(data, 'precious.txt');
    writeFileSync(precious, 'x');
    const options = {
      version: '0',
      source: 'sim',
      config: 'config/local.yaml',
      speed: 'max',
      fresh: true,
      data,
    };
    await expect(up(options)).rejects.toThrow('--fresh would empty');
    expect(existsSync(precious)).toBe(true);
    // The refused run gives the folder back.
    takeLock(layoutOf(data).lockFile)();
  });
});

describe('--source', () => {
  it('is sim, live or an existing recording', () => {
    expect(parseSource('sim')).toEqual({ type: 'sim' });
    expect(parseSource('live')).toEqual({ type: 'live' });
    expect(parseSource('replay:package.json')).toEqual({ type: 'replay', path: 'package.json' });
  });

  it.each([
    ['tape', '--source tape: expected sim, live or replay:PATH'],
    ['replay:', '--source replay: needs a path'],
    ['replay:nowhere.jsonl', 'there is no file or folder nowhere.jsonl'],
  ])('refuses %s by name', (text, message) => {
    expect(() => parseSource(text)).toThrow(message);
  });
});
