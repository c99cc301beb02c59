/**
 * How much a page loads and how long an import takes: a Vite bundle that trains an LSTM on WebAssembly, gzipped, and
 * `import 'unrolled'` in fresh Node processes. On what `npm run build` has made.
 *
 *   npx tsx bench/size.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { median, quantile } from '../src/cli/bench/statistics.ts';
import { circumstances, keepResult } from './circumstances.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const page = `
import { Adam, crossEntropy, Embedding, Linear, LSTM, Module, setBackend, tensor } from 'unrolled';

class LanguageModel extends Module {
  embedding = this.child('embedding', new Embedding({ vocabularySize: 65, embeddingSize: 64 }));
  lstm = this.child('lstm', new LSTM({ inputSize: 64, hiddenSize: 128 }));
  linear = this.child('linear', new Linear({ inputSize: 128, outputSize: 65 }));
  forward(tokens) {
    return this.linear.forward(this.lstm.forward(this.embedding.forward(tokens)).output);
  }
}

setBackend('wasm');
const model = new LanguageModel();
const optimizer = new Adam(model);
const tokens = tensor([[1, 2, 3, 4]], { dtype: 'int32' });
document.body.textContent = String(optimizer.step(() => crossEntropy(model.forward(tokens), tokens)).item());
`;

/** Bytes of the files that the page loads: as they are, and gzipped one by one. */
async function bundle(): Promise<{ files: { name: string; bytes: number; gzipped: number }[]; bytes: number; gzipped: number }> {
  // Inside the repository, where the package finds itself by its own name.
  const folder = mkdtempSync(join(root, 'build', 'page-'));
  try {
    writeFileSync(join(folder, 'index.html'), '<!doctype html><body><script type="module" src="./main.js"></script></body>');
    writeFileSync(join(folder, 'main.js'), page);
    await build({ root: folder, configFile: false, logLevel: 'warn', build: { outDir: 'out', target: 'es2022' } });
    const out = join(folder, 'out');
    const files = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const content = readFileSync(join(entry.parentPath, entry.name));
        return { name: entry.name.replace(/-[\w-]{8}\./, '.'), bytes: content.length, gzipped: gzipSync(content, { level: 9 }).length };
      });
    const sum = (of: 'bytes' | 'gzipped') => files.reduce((total, file) => total + file[of], 0);
    return { files, bytes: sum('bytes'), gzipped: sum('gzipped') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function importMs(): number {
  const program = `const start = performance.now(); await import('unrolled'); process.stdout.write(String(performance.now() - start))`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the library cannot be imported; run npm run build first\n${stderr}`);
  return Number(stdout);
}

const browser = await bundle();
importMs(); // brings the files into the system's cache, as any machine in use has them
const samplesMs = Array.from({ length: 21 }, importMs);
console.log(
  `bundle ${(browser.bytes / 1000).toFixed(0)} kB, gzipped ${(browser.gzipped / 1000).toFixed(0)} kB; import ${median(samplesMs).toFixed(0)} ms`,
);
keepResult('size', {
  ...circumstances('npx tsx bench/size.ts'),
  bundle: browser,
  importMs: median(samplesMs),
  importQuartilesMs: [quantile(samplesMs, 0.25), quantile(samplesMs, 0.75)],
  importSamplesMs: samplesMs,
});
