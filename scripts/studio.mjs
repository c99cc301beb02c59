/**
 * Builds studio/ into dist/studio with Vite, unless what is there was made from the same sources: the studio's, the library's
 * that it bundles, and the versions of what compiles it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './native.mjs';

const stamp = join(root, 'build', 'studio.hash');
const output = join(root, 'dist', 'studio');

/** What Vite and its plugins are; their versions count as sources. */
const tools = ['vite', 'svelte', '@sveltejs/vite-plugin-svelte', 'uplot', 'd3-scale', 'd3-shape'];

function filesBelow(folder, wanted) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(wanted)
    .sort();
}

function hashOfSources() {
  const hash = createHash('sha256');
  const sources = filesBelow(join(root, 'studio'), (file) => !file.endsWith('.test.ts'));
  const library = filesBelow(
    join(root, 'src'),
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/[\\/](cli|server)[\\/]/.test(file),
  );
  for (const file of [...sources, ...library]) hash.update(file.slice(root.length)).update(readFileSync(file));
  for (const tool of tools) hash.update(JSON.parse(readFileSync(join(root, 'node_modules', tool, 'package.json'), 'utf8')).version);
  return hash.digest('hex');
}

/** @returns {Promise<boolean>} whether there was anything to build */
export async function buildStudio() {
  const hash = hashOfSources();
  if (existsSync(join(output, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  const { build } = await import('vite');
  await build({ configFile: join(root, 'studio', 'vite.config.ts'), logLevel: 'warn' });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await buildStudio()) ? 'built' : 'up to date');
