import { expect, test } from 'vitest';
import { RecordBuffers } from '#src/stream/record-buffers.ts';

const KIBIBYTE = 1_024;
const LIMIT = 32 * 1_024 * KIBIBYTE;

test('memory is of a power of two, at least what was asked for, and comes back', () => {
  const buffers = new RecordBuffers();
  for (const [asked, given] of [
    [0, 4_096],
    [4_096, 4_096],
    [4_097, 8_192],
    [1_000_000, 1_048_576],
  ] as const) {
    const memory = buffers.take(asked);
    expect(memory.length).toBe(given);
    buffers.give(memory);
    expect(buffers.keptBytes).toBeGreaterThanOrEqual(given);
    expect(buffers.take(asked).buffer).toBe(memory.buffer);
    expect(buffers.take(asked).buffer).not.toBe(memory.buffer);
  }
  expect(buffers.keptBytes).toBe(0);
});

test('what is kept is bounded, and sizes that are asked for drive out those that were', () => {
  const buffers = new RecordBuffers();
  const cycle = (bytes: number, count: number): void => {
    const taken = Array.from({ length: count }, () => buffers.take(bytes));
    for (const memory of taken) buffers.give(memory);
  };
  cycle(256 * KIBIBYTE, 200);
  expect(buffers.keptBytes).toBe(LIMIT);
  cycle(16 * KIBIBYTE, 8);
  expect(buffers.keptBytes).toBeLessThanOrEqual(LIMIT);
  const small = Array.from({ length: 8 }, () => buffers.take(16 * KIBIBYTE));
  const kept = buffers.keptBytes;
  for (const memory of small) buffers.give(memory);
  expect(buffers.keptBytes).toBe(kept + 8 * 16 * KIBIBYTE);
});
