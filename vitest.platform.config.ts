import { defineConfig } from 'vitest/config';

/** What runs on the built package: examples, and the packed tarball in Node 20 and 24 and in a page in Chromium. One after another. */
export default defineConfig({
  test: {
    include: ['test/{platform,examples}/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    expect: { poll: { timeout: 60_000 } },
  },
});
