/**
 * Bundles src/ into dist/: a few files instead of a module each, so that an import takes a third of the time. What is
 * loaded by its place (package.json's `imports`, programs) or asks for it (`import.meta.url`) stays in its folder;
 * everything shared goes into chunks, so that a class exists once.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './native.mjs';

const source = join(root, 'src');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Started by path, in a thread or process of their own. */
const programs = ['./dist/training/worker-main.js', './dist/cli/bench/subject.js'];

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

/** Sources that ask where they are. */
const placed = filesBelow(source).filter(
  (file) => /(?<!\.test)\.ts$/.test(file) && readFileSync(join(source, file), 'utf8').includes('import.meta.url'),
);

/** Paths below src/, without extension. */
function entries() {
  const conditional = Object.values(manifest.imports).flatMap((conditions) => [conditions.node, conditions.default]);
  const named = [manifest.exports['.'].default, manifest.bin.unrolled, ...programs, ...conditional];
  return [
    ...new Set([...named.map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, '$1')), ...placed.map((file) => file.replace(/\.ts$/, ''))]),
  ];
}

/** An entry that another one imports becomes a chunk: beside the entry, if it asks where it is. */
function chunkFileNames({ moduleIds }) {
  const file = moduleIds.map((id) => relative(source, id)).find((id) => placed.includes(id));
  return file === undefined ? 'chunks/[name].js' : join(dirname(file), '[name]-chunk.js');
}

export async function buildLibrary() {
  const output = join(root, 'dist');
  const bundle = await rolldown({
    input: Object.fromEntries(entries().map((name) => [name, join(source, `${name}.ts`)])),
    external: (id) =>
      id.startsWith('#') ||
      id.startsWith('node:') ||
      Object.keys(manifest.dependencies).some((name) => id === name || id.startsWith(`${name}/`)),
    platform: 'neutral',
    logLevel: 'warn',
  });
  for (const file of filesBelow(output)) {
    // The studio lies there too, and is built by itself.
    if (!file.startsWith('studio') && (file.endsWith('.js') || file.endsWith('.map'))) rmSync(join(output, file));
  }
  await bundle.write({ dir: output, format: 'esm', entryFileNames: '[name].js', chunkFileNames });
  await bundle.close();
}
