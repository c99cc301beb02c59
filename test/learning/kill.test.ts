/** A training that is killed with SIGKILL at any moment and resumed ends in the same weights as one that was left alone. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../src/tensor/random.ts';

const child = new URL('./kill-child.ts', import.meta.url).pathname;

/** Ends when the child does; whether it got to its end, and how long it trained. `killAfter`: milliseconds after its training began. */
function run(folder: string, how: 'new' | 'resume', killAfter: number | null): Promise<{ isDone: boolean; lastedMs: number }> {
  return new Promise((resolve, reject) => {
    const args = ['--conditions=unrolled-source', '--import', 'tsx', child, folder, how];
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    let timer: NodeJS.Timeout | undefined;
    let began = Number.NaN;
    started.stdout.on('data', (text: Buffer) => {
      output += String(text);
      if (!output.includes('begun') || !Number.isNaN(began)) return;
      began = performance.now();
      if (killAfter !== null) timer = setTimeout(() => started.kill('SIGKILL'), killAfter);
    });
    started.on('error', reject);
    started.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || signal === 'SIGKILL') resolve({ isDone: output.includes('done'), lastedMs: performance.now() - began });
      else reject(new Error(`the training ended with code ${code}`));
    });
  });
}

it('20 times killed and resumed, each ends in identical weights', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-kill-'));
  try {
    const { lastedMs } = await run(join(folder, 'straight'), 'new', null);
    const expected = readFileSync(join(folder, 'straight', 'model.safetensors'));
    const rng = new Random(20);
    let kills = 0;
    for (let round = 0; kills < 20; round++) {
      const path = join(folder, `run ${round}`);
      let isDone = false;
      for (let part = 0; !isDone; part++) {
        const killAfter = kills < 20 && part < 4 ? rng.uniform() * lastedMs : null;
        ({ isDone } = await run(path, existsSync(join(path, 'config.json')) ? 'resume' : 'new', killAfter));
        if (!isDone) kills++;
      }
      expect(readFileSync(join(path, 'model.safetensors')), `run ${round}`).toEqual(expected);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 1_200_000);
