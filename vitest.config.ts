import { defineConfig } from 'vitest/config';

const source = (file: string) => new URL(`./src/${file}`, import.meta.url).pathname;

/** The suites that run in Node on the sources. Browser and packed-package suites: test/platform. */
export default defineConfig({
  resolve: {
    alias: {
      // What the studio imports.
      unrolled: source('index.ts'),
      '#platform': source('backend/platform-node.ts'),
      '#files': source('data/files-node.ts'),
      '#workers': source('training/workers-node.ts'),
    },
  },
  test: {
    include: ['src/**/*.test.ts', 'studio/src/**/*.test.ts', 'test/{backends,golden,learning,cli,laws,house}/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ['test/chance.ts'],
    pool: 'forks',
    maxWorkers: 2,
  },
});
