import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { RawRecorder } from '#src/archive/raw-recorder.ts';
import { Batcher } from '#src/stream/batcher.ts';
import { MemoryRecordStream } from '#src/stream/memory-record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import { registerBatcher, registerRecorders } from '#src/telemetry/figures.ts';
import { LatencyHistogram } from '#src/telemetry/latency.ts';
import { LineMetrics } from '#src/telemetry/metrics.ts';
import { type Micros, systemClock } from '#src/units/time.ts';

test('a quantile is never below the truth and at most a tenth above it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000_000_000 }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.observe(value);
        const sorted = [...values].sort((left, right) => left - right);
        const truth = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
        const found = histogram.quantile(share)!;
        expect(found).toBeGreaterThanOrEqual(truth - 1);
        expect(found).toBeLessThanOrEqual(truth * 1.1 + 1);
      },
    ),
  );
});

test('weights count, nothing is null, and odd durations do no harm', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.quantile(0.5)).toBeNull();
  histogram.observe(100, 99);
  histogram.observe(1e15);
  histogram.observe(-5);
  expect(histogram.count).toBe(101);
  expect(histogram.quantile(0.5)).toBeLessThan(110);
});

test('metrics have the usual names and units, and never more series than a label is allowed', async () => {
  const metrics = new LineMetrics();
  for (let index = 0; index < 1_000; index++) metrics.problem('kalshi', `unknown type ${index}`);
  metrics.connections('kalshi', { open: 3, closed: 1 });
  metrics.connections('polymarket', { open: 7 });
  metrics.connections('kalshi', { open: 4 });
  metrics.frameToStream.observe(250_000);
  const text = await metrics.text();
  expect(text.split('\n').filter((line) => line.startsWith('tape_problems_total{'))).toHaveLength(51);
  expect(text).toContain('tape_problems_total{venue="kalshi",reason="other"} 950');
  expect(text).toContain('tape_connections{venue="kalshi",state="open"} 4');
  expect(text).toContain('tape_connections{venue="kalshi",state="closed"} 0');
  expect(text).toContain('tape_connections{venue="polymarket",state="open"} 7');
  expect(text).toMatch(/tape_frame_to_stream_seconds\{quantile="0.99"\} 0\.2[5-7]/);
  expect(text).toContain('process_resident_memory_bytes');
});

test('the figures of batcher and recorders are read when they are asked for', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'figures-'));
  const clock = systemClock();
  const batcher = await Batcher.open({
    epoch: 'life',
    stream: new MemoryRecordStream({ clock }),
    directory,
    clock,
    after: systemAfter,
    random: Math.random,
  });
  const recorder = await RawRecorder.open({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'e',
    directory,
    clock,
    after: systemAfter,
    random: Math.random,
    store: new DirectoryObjectStore(join(directory, 'store')),
  });
  const metrics = new LineMetrics();
  registerBatcher(metrics.registry, () => batcher.figures());
  registerRecorders(metrics.registry, { kalshi: () => recorder.figures() });
  recorder.received(clock(), 'c#1', 'frame');
  batcher.accept(
    'x',
    {
      kind: 'heartbeat',
      gatherer: 'a',
      epoch: 'e',
      lane: 0,
      lanes: 1,
      started_at: 0 as Micros,
      durable_until: 0 as Micros,
    },
    clock(),
  );
  expect(await metrics.text()).toContain('tape_stream_backlog_lines 1');
  await batcher.drain(5_000);
  await batcher.close();
  await recorder.close(5_000);
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = await metrics.text();
    expect(text).toContain('tape_stream_acknowledged_lines_total 1');
    expect(text).toContain('tape_stream_backlog_lines 0');
    expect(text).toContain('tape_stream_spilling 0');
    expect(text).toContain('tape_recorder_segments_uploaded_total{venue="kalshi"} 1');
    expect(text).not.toContain('NaN');
  }
  rmSync(directory, { recursive: true, force: true });
});
