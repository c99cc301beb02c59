/** Builds the studio into dist/studio: static files with relative addresses, which any host can serve. */
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** As `unrolled studio` serves it (src/server/guard.ts): for memory that threads share. */
const headers = { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' };

const root = resolve(import.meta.dirname, '..');

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte({ configFile: false })],
  // The package's public face, and nothing deeper; module by module, so that each page loads what it needs of it.
  resolve: {
    alias: {
      unrolled: resolve(root, 'src/index.ts'),
      '#platform': resolve(root, 'src/backend/platform-browser.ts'),
      '#files': resolve(root, 'src/data/files-browser.ts'),
      '#workers': resolve(root, 'src/training/workers-browser.ts'),
    },
  },
  worker: { format: 'es' },
  server: { headers },
  preview: { headers },
  build: {
    outDir: resolve(root, 'dist/studio'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
