/**
 * The CTC loss with its gradient against PyTorch's, taking turns, one thread each; both must give the same loss and gradient.
 *
 *   npx tsx bench/ctc.ts [rounds]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { permute } from '../src/autograd/ops/shape.ts';
import { scope } from '../src/autograd/scope.ts';
import { backward } from '../src/autograd/tape.ts';
import { Parameter } from '../src/autograd/tensor.ts';
import { getBackend, setThreads } from '../src/backend/select.ts';
import { median, quantile } from '../src/cli/bench/statistics.ts';
import { ctcLoss } from '../src/losses/ctc.ts';
import { FlatParameters } from '../src/nn/parameters.ts';
import { Random } from '../src/tensor/random.ts';
import { circumstances, keepResult } from './circumstances.ts';

const rounds = Number(process.argv[2] ?? 21);
const sizes = { T: 200, B: 32, V: 80, U: 40 };
const calls = 3;
setThreads(1);

/** PyTorch in a process of its own. */
class Peer {
  readonly #process = spawn(existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3', [file('./peers/ctc.py')], {
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  readonly #lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

  async ask<T>(message: object): Promise<T> {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('[bench] PyTorch ended without an answer');
    return JSON.parse(value) as T;
  }

  stop(): void {
    this.#process.stdin.end();
  }
}

async function measureLoss() {
  const { T, B, V, U } = sizes;
  const rng = new Random(1);
  const values = rng.fillNormal(new Float32Array(T * B * V), 0, 1);
  const targets = Array.from({ length: B }, () => Array.from({ length: U }, () => 1 + rng.integer(V - 1)));
  const logits = new Parameter(values, [T, B, V]);
  const flat = FlatParameters.of([logits]); // in the backend's memory, as a model's
  const step = (): number => {
    flat.zeroGradients();
    return scope(() => {
      const loss = ctcLoss(permute(logits, [1, 0, 2]), targets);
      backward(loss);
      return loss.item();
    });
  };
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-ctc-'));
  const peer = new Peer();
  try {
    writeFileSync(join(folder, 'logits'), values);
    const setup = { ...sizes, targets, file: join(folder, 'logits') };
    const theirs = await peer.ask<{ version: string; loss: number; gradient: number }>({ setup });
    const loss = step();
    const gradient = Array.from(logits.grad!.dataSync()).reduce((total, x) => total + Math.abs(x), 0);
    for (const [a, b] of [
      [loss, theirs.loss],
      [gradient, theirs.gradient],
    ]) {
      if (!(Math.abs(a - b) <= 1e-4 * Math.abs(b))) throw new Error(`[bench] Unrolled gives ${a}, PyTorch ${b}`);
    }
    const own = (): number => {
      const start = performance.now();
      for (let i = 0; i < calls; i++) step();
      return (performance.now() - start) / calls;
    };
    const ask = async (): Promise<number> => (await peer.ask<{ ms: number }>({ calls })).ms;
    for (let i = 0; i < 3; i++) {
      own();
      await ask();
    }
    const samples: { ours: number[]; torch: number[] } = { ours: [], torch: [] };
    for (let round = 0; round < rounds; round++) {
      if (round % 2 === 0) samples.ours.push(own());
      samples.torch.push(await ask());
      if (round % 2 === 1) samples.ours.push(own());
    }
    const ratios = samples.torch.map((ms, round) => ms / samples.ours[round]);
    return {
      torch: theirs.version,
      record: {
        ...sizes,
        threads: 1,
        ms: median(samples.ours),
        torchMs: median(samples.torch),
        ratio: median(ratios),
        ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
        samplesMs: samples,
      },
    };
  } finally {
    peer.stop();
    rmSync(folder, { recursive: true });
  }
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

const { torch, record } = await measureLoss();
console.log(
  `CTC loss and gradient: ${record.ms.toFixed(2)} ms, PyTorch ${record.torchMs.toFixed(1)} ms: ${record.ratio.toFixed(2)}x (${getBackend().description})`,
);
keepResult('ctc', {
  ...circumstances(`npx tsx bench/ctc.ts${process.argv[2] ? ` ${rounds}` : ''}`, { PyTorch: torch }),
  description: getBackend().description,
  loss: record,
});
