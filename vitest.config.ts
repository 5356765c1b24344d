import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/temporary-folder.ts', 'test/storage/prepared-cluster.ts'],
    include: ['test/**/*.test.ts'],
    // Ends what hangs; it judges no speed, and machines may be busy.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
