import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { troubles } from '../../faults/live/troubles.ts';
import { ResourceWatch, sampleOf, trendOf } from '../../faults/soak/resources.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Forty samples of a life of twelve minutes, or of a shorter one. */
const samples = (
  rss: (index: number) => number,
  handles: (index: number) => number | null = () => 50,
  everyMillis = 18_462,
) =>
  Array.from({ length: 40 }, (_, index) => ({
    at: index * everyMillis,
    rss_mb: rss(index),
    handles: handles(index),
    heaps: 1,
  }));

describe('what a process holds', () => {
  it('is flat where it goes up and down, and where it grew only at the start', () => {
    expect(
      trendOf(
        'g',
        samples((index) => 200 + (index % 5) * 20),
      )?.flat,
    ).toBe(true);
    expect(
      trendOf(
        'g',
        samples((index) => Math.min(300, 100 + index * 25)),
      )?.flat,
    ).toBe(true);
  });

  it('piles up where it grows to the end, in memory or in handles', () => {
    expect(
      trendOf(
        'g',
        samples((index) => 100 + index * 4),
      ),
    ).toMatchObject({ flat: false, minutes: 12 });
    const leaking = samples(
      () => 100,
      (index) => 40 + index,
    );
    expect(trendOf('g', leaking)).toMatchObject({ flat: false, rss_mb: [100, 100], handles: [54.5, 74.5] });
    const unknown = samples(
      () => 100,
      () => null,
    );
    expect(trendOf('g', unknown)).toMatchObject({ flat: true, handles: null });
  });

  it('may come and go with each heap of it', () => {
    const rising = samples((index) => 600 + index * 8);
    expect(trendOf('g', rising)?.flat).toBe(false);
    expect(
      trendOf(
        'g',
        rising.map((sample) => ({ ...sample, heaps: 11 })),
      )?.flat,
    ).toBe(true);
  });

  it('has a heap for each worker', async () => {
    const worker = new Worker('setInterval(() => {}, 1_000)', { eval: true });
    await once(worker, 'online');
    const before = sampleOf(process.pid, 5)!.heaps;
    expect(before).toBeGreaterThan(1);
    await worker.terminate();
    expect(sampleOf(process.pid, 5)!.heaps).toBe(before - 1);
  });

  it('is not judged by the memory of a young process, whose heap finds its size, but by its handles', () => {
    const young = 3_000;
    const rising = (index: number) => 100 + index * 4;
    expect(
      trendOf(
        'g',
        samples(rising, () => 50, young),
      ),
    ).toMatchObject({ flat: null, minutes: 2 });
    expect(
      trendOf(
        'g',
        samples(
          () => 100,
          () => 50,
          young,
        ),
      )?.flat,
    ).toBe(true);
    expect(
      trendOf(
        'g',
        samples(rising, (index) => 40 + index, young),
      )?.flat,
    ).toBe(false);
  });

  it('is nothing to judge by after a moment', () => {
    expect(trendOf('g', samples(() => 1).slice(0, 5))).toBeNull();
  });

  it('is measured by process, and a new life is another process', () => {
    const own = sampleOf(process.pid, 5)!;
    expect(own.rss_mb).toBeGreaterThan(10);
    expect(sampleOf(2 ** 22 + 1, 5)).toBeNull();
    const watch = new ResourceWatch();
    for (let at = 0; at < 9; at++) watch.observe({ self: process.pid }, at);
    watch.observe({ self: process.ppid }, 9);
    expect(watch.trends()).toMatchObject([{ process: 'self', samples: 9 }]);
  });
});

describe('the soak', () => {
  it('says in one line what it does not understand', () => {
    const soak = (...parameters: string[]) =>
      spawnSync(process.execPath, ['faults/soak/main.ts', ...parameters], { cwd: root, encoding: 'utf8' });
    expect(soak()).toMatchObject({ status: 2, stderr: 'soak: --minutes must be a number above 0, got ""\n' });
    expect(soak('--minutes', '1', '--seed', 'x')).toMatchObject({
      status: 2,
      stderr: 'soak: --seed must be a whole number, got "x"\n',
    });
  });

  it('has troubles of different names', () => {
    expect(new Set(troubles.map(({ name }) => name)).size).toBe(troubles.length);
  });
});
