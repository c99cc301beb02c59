/** The package as npm would publish it, installed in an empty project. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

/** Packs the package into a fresh folder; returns the tarball's path. */
export function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-pack-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${folder}`);
  return join(folder, tarball);
}

/** An empty project with these packages installed; returns its folder. */
export function project(...packages: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-project-'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

/** Runs a program in a project; throws with its output when it fails. */
export function run(folder: string, program: string, args: readonly string[], environment: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...environment } });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A user's program: an LSTM that learns to continue a sine. Assigns `report` with the first and last loss. */
export const learnsSine = `
import { Adam, getBackend, Linear, LSTM, Module, mse, Random, tensor } from 'unrolled';

class Sine extends Module {
  constructor(rng) {
    super();
    this.lstm = this.child('lstm', new LSTM({ inputSize: 1, hiddenSize: 16, rng }));
    this.head = this.child('head', new Linear({ inputSize: 16, outputSize: 1, rng }));
  }
  forward(x) {
    return this.head.forward(this.lstm.forward(x).output);
  }
}

const wave = Float32Array.from({ length: 8 * 25 }, (_, i) => Math.sin(Math.floor(i / 25) + (i % 25) / 4));
const target = Float32Array.from({ length: 8 * 25 }, (_, i) => Math.sin(Math.floor(i / 25) + (i % 25 + 1) / 4));
const x = tensor(wave, { shape: [8, 25, 1] });
const y = tensor(target, { shape: [8, 25, 1] });
const model = new Sine(new Random(1));
const optimizer = new Adam(model, { learningRate: 0.02, clipNorm: 1 });
const losses = [];
for (let step = 0; step < 150; step++) losses.push((await optimizer.step(() => mse(model.forward(x), y)).data())[0]);
const report = { backend: getBackend().name, first: losses[0], last: losses.at(-1) };
`;
