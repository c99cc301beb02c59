import { defineConfig } from 'vitest/config';

/** The suites that run in Node on the sources. Browser and packed-package suites: test/platform. */
export default defineConfig({
  resolve: { alias: { '#platform': new URL('./src/backend/platform-node.ts', import.meta.url).pathname } },
  test: {
    include: ['src/**/*.test.ts', 'test/{backends,golden,learning,cli,laws,house}/**/*.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
