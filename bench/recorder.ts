import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { RawRecorder } from '#src/archive/raw-recorder.ts';
import { systemAfter } from '#src/stream/timer.ts';
import { systemClock } from '#src/units/time.ts';
import { kalshiFrames } from './inputs/simulated-frames.ts';
import { type Contender, measure, rateRow, type TimeKind } from './measure.ts';
import type { Row, Subject } from './row.ts';

const FRAMES = 60_000;
const MARKETS = 1_200;
const CHUNK = 2 ** 20;
/** Frames between two turns of the event loop, in which the threads beside it are given what to compress. */
const PER_TURN = 500;
const MOST_WAITING = 4 * 2 ** 20;
const NAME = 'kalshi-1#1';
const compressZstd = promisify(zstdCompress);
const compressGzip = promisify(gzip);
/** The level that the recorder itself uses. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Frame by frame into files, and the compressors alone over the very lines that the recorder makes. */
export const subject: Subject = {
  name: 'recorder',
  run: async (extent) => {
    const [input] = kalshiFrames(FRAMES, MARKETS, 1);
    const frames = input!.frames;
    const text = frames
      .map(({ at, text: frame }) => `{"t":${at},"conn":"${NAME}","frame":${frame}}\n`)
      .join('');
    const lines = Buffer.from(text);
    const directory = await mkdtemp(join(tmpdir(), 'bench-recorder-'));
    // One recorder throughout, as a line has one for its whole life.
    const recorder = await RawRecorder.open({
      venue: 'kalshi',
      gatherer: 'a',
      epoch: 'bench',
      directory: join(directory, 'raw'),
      store: new DirectoryObjectStore(join(directory, 'store')),
      clock: systemClock(),
      after: systemAfter,
      random: Math.random,
    });
    const ours: Contender = {
      name: 'RawRecorder',
      run: async () => {
        const before = recorder.figures().raw_bytes;
        for (let from = 0; from < frames.length; from += PER_TURN) {
          for (const { at, text: frame } of frames.slice(from, from + PER_TURN))
            recorder.received(at, NAME, frame);
          await turn();
          // Frames come no faster than sockets bring them; a backlog of all of them would be cleared away at our cost.
          while (recorder.figures().memory_bytes > MOST_WAITING) await pause(1);
        }
        await recorder.flush();
        const { raw_bytes, dropped_lines } = recorder.figures();
        if (raw_bytes - before !== lines.length || dropped_lines > 0)
          throw new Error('the recording is not whole');
        return lines.length;
      },
    };
    const alone = (name: string, compress: (chunk: Buffer) => Promise<Buffer>): Contender => ({
      name,
      run: async () => {
        for (let from = 0; from < lines.length; from += CHUNK)
          await compress(lines.subarray(from, from + CHUNK));
        return lines.length;
      },
    });
    const zstd = alone('zstd, same level', (chunk) => compressZstd(chunk, LEVEL));
    const zipped = alone('gzip', (chunk) => compressGzip(chunk));
    const rows: Row[] = [];
    for (const [kind, unit, reach] of [
      ['wall', 'bytes/s', 0.8],
      ['cpu', 'bytes/s of CPU', null],
    ] as const satisfies readonly (readonly [TimeKind, string, number | null])[]) {
      const rates = await measure([ours, zstd, zipped], extent.rounds, kind);
      for (const peer of [zstd, zipped]) {
        rows.push(
          rateRow(rates, ours.name, peer.name, {
            name: `raw recorder, ${kind === 'cpu' ? 'CPU of all its threads' : 'time on the wall'}, beside ${peer.name}`,
            reach,
            unit,
          }),
        );
      }
    }
    await recorder.close(10_000);
    await rm(directory, { recursive: true, force: true });
    return rows;
  },
};
