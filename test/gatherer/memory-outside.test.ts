import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const loaded = new URL('../../containers/gatherer/memory-outside.ts', import.meta.url);

/** Two thousand mebibytes pass through memory outside the heap, a few at a time, while state gathers inside. */
const PASSING = `
import { PerformanceObserver, constants } from 'node:perf_hooks';
let collections = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries())
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR && detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY)
      collections++;
}).observe({ entryTypes: ['gc'] });
const state = [];
const onTheirWay = [];
for (let index = 0; index < 100_000; index++) {
  state.push({ index, levels: [index, index + 0.5], name: 'instrument ' + index, rest: { index } });
  if (index % 50 === 0) {
    onTheirWay.push(Buffer.allocUnsafeSlow(1_000_000));
    if (onTheirWay.length > 8) onTheirWay.shift();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
await new Promise((resolve) => setImmediate(resolve));
console.log(collections, state.length);
`;

test('what passes by outside the heap does not make a gatherer collect its whole heap again and again', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    loaded.href,
    '--input-type=module',
    '--eval',
    PASSING,
  ]);
  const [collections, instruments] = stdout.trim().split(' ').map(Number);
  expect(instruments).toBe(100_000);
  expect(collections).toBeLessThan(5);
});
