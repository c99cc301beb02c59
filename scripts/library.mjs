/**
 * Bundles src/ into dist/: a few files instead of a module each, so that an import takes a third of the time. What is
 * loaded by its place (package.json's `imports`, programs) or asks for it (`import.meta.url`) stays in its folder;
 * everything shared goes into chunks, so that a class exists once. Small packages that every import needs are bundled
 * too, and named with their licences in dist/THIRD-PARTY.txt.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Installed with the package, because its declarations name valibot's types; the few functions that run are bundled. */
const bundled = ['valibot'];

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
      Object.keys(manifest.dependencies).some((name) => !bundled.includes(name) && (id === name || id.startsWith(`${name}/`))),
    platform: 'neutral',
    resolve: { mainFields: ['module', 'main'] },
    logLevel: 'warn',
  });
  for (const file of filesBelow(output)) {
    // The studio lies there too, and is built by itself.
    if (!file.startsWith('studio') && (file.endsWith('.js') || file.endsWith('.map'))) rmSync(join(output, file));
  }
  const { output: files } = await bundle.write({
    dir: output,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames,
    // Documentation is in the declarations. Without, and with one byte a character, Node reads the files in half the time.
    comments: { legal: true, annotation: true, jsdoc: false },
    charset: 'ascii',
  });
  await bundle.close();
  const modules = files.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(join(output, 'THIRD-PARTY.txt'), noticesOf(modules));
}

/** Name, version and licence of every package that modules are from. */
function noticesOf(modules) {
  const folders = new Set(modules.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0]).filter(Boolean));
  const notices = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${licenceIn(folder)}`;
  });
  return `Unrolled's files contain code of these packages.\n\n${notices.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** The text of a package's licence, which is a file of its own or the end of its README. */
function licenceIn(folder) {
  const names = readdirSync(folder);
  const file = names.find((name) => /^licen[cs]e/i.test(name));
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8');
  const readme = names.find((name) => /^readme/i.test(name));
  const text = readme && /^#+ *licen[cs]e\s+(.*)$/ims.exec(readFileSync(join(folder, readme), 'utf8'))?.[1];
  if (!text) throw new Error(`${folder}: no licence found that could be shipped with what is bundled of it`);
  return text;
}
