import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';
import { LINES, type Line } from './live-run.ts';

/** What a gatherer is started with, so that something of its machine can be made to fail by a file. */
const preload = (module: string, lines: readonly Line[]) => (line: Line, folder: string) => {
  if (!lines.includes(line)) return null;
  const address = new URL(`../preloads/${module}.ts`, import.meta.url);
  address.searchParams.set('file', join(folder, module));
  return `--import ${address.href}`;
};

/** What befalls the machine of a line: its clock, its disk. */
export const machineFaults: readonly Fault[] = [
  live(
    24,
    'clock-off',
    'the clock of one gatherer is 30 s ahead, steps back to 5 s behind, then goes right; the others are cut off meanwhile',
    {
      preload: preload('shifted-clock', ['a']),
      inject: async (run) => {
        const file = join(run.folder, 'shifted-clock');
        writeFileSync(file, '30000');
        await sleep(10_000);
        run.gates.b.cutSockets();
        run.gates.c.cutSockets();
        await sleep(5_000);
        writeFileSync(file, '-5000');
        await sleep(10_000);
        rmSync(file);
      },
    },
  ),
  live(25, 'disk-full', 'no gatherer can write to its disk, and the streams refuse everything', {
    preload: preload('full-disk', LINES),
    settings: { stream: '  memory_limit_mebibytes: 1' },
    rate: 600,
    inject: async (run) => {
      const file = join(run.folder, 'full-disk');
      for (const line of LINES) run.kinesis[line].mood = 'refusing';
      writeFileSync(file, '');
      await sleep(15_000);
      for (const line of LINES) {
        const status = await run.status(line);
        require(status !== null, `line ${line} does not answer`);
        const kinds = Object.keys(status.problems);
        require(kinds.some((kind) =>
          kind.startsWith('raw_'),
        ), `line ${line} says nothing of its raw frames: ${kinds.join(', ')}`);
      }
      rmSync(file);
      for (const line of LINES) run.kinesis[line].mood = 'open';
    },
  }),
];
