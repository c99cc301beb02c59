import { defineConfig } from 'vitest/config';

/** The packed package as users install it: in Node 20 and 24, and in a page in Chromium. Slow, one after another. */
export default defineConfig({
  test: { include: ['test/platform/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
});
