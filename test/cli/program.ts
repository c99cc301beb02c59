/** Runs the program `unrolled` as a user would: as it was built, or from its sources where those are newer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const built = join(root, 'dist/cli/main.js');
const fromSources = [
  '--conditions=unrolled-source',
  '--import',
  join(root, 'node_modules/tsx/dist/esm/index.mjs'),
  join(root, 'src/cli/main.ts'),
];
/** What Node is given. A start of the sources takes a second longer: there are many here. */
export const program = isFresh() ? [built] : fromSources;

function isFresh(): boolean {
  if (!existsSync(built)) return false;
  const age = (path: string): number => statSync(path).mtimeMs;
  const build = age(join(root, 'build/tsc.json'));
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return sources.every((file) => file.endsWith('.test.ts') || age(join(root, 'src', file)) < build);
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function start(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): ChildProcess {
  return spawn(process.execPath, [...program, ...args], { cwd: options.cwd, env: { ...process.env, NO_COLOR: '', ...options.env } });
}

export function outcome(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (part) => {
    stdout += part;
  });
  child.stderr!.on('data', (part) => {
    stderr += part;
  });
  return new Promise((done) => {
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

export function unrolled(args: readonly string[], options?: Parameters<typeof start>[1]): Promise<Outcome> {
  return outcome(start(args, options));
}

/** A folder for one test file; `remove` it at the end. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'unrolled-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Enough text for a tiny model. */
export const tale = 'It was the whale, the white whale, that swam away; and the old man saw it no more.\n'.repeat(40);

/** A model and a training that take a moment. */
export const tiny = ['--hidden-size', '12', '--embedding-size', '6', '--sequence-length', '8', '--batch-size', '4', '--sample-length', '0'];
