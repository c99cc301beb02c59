/**
 * The CTC loss with its gradient against PyTorch's, taking turns, one thread each; both must give the same loss and gradient. And beam
 * search through ten seconds of something like speech, against the ten seconds.
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
import { CharTokenizer } from '../src/data/text/char-tokenizer.ts';
import { estimateNgrams } from '../src/data/text/kneser-ney.ts';
import { CtcBeamSearch } from '../src/decode/ctc-beam-search.ts';
import { type SequenceScorer, withSymbols } from '../src/decode/sequence-scorer.ts';
import { wordScorer } from '../src/decode/word-scorer.ts';
import { ctcLoss } from '../src/losses/ctc.ts';
import { FlatParameters } from '../src/nn/parameters.ts';
import { LanguageModel } from '../src/tasks/language-model/model.ts';
import { LanguageModelScorer } from '../src/tasks/language-model/scorer.ts';
import { Random } from '../src/tensor/random.ts';
import { circumstances, keepResult } from './circumstances.ts';

const rounds = Number(process.argv[2] ?? 21);
const sizes = { T: 200, B: 32, V: 80, U: 40 };
const calls = 3;
setThreads(1);

/** Of a call: the clock's time, and the processor's, which other work beside it does not lengthen as much. */
interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

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
    const own = (): Sample => {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      for (let i = 0; i < calls; i++) step();
      const { user, system } = process.cpuUsage(cpu);
      return { ms: (performance.now() - start) / calls, cpuMs: (user + system) / 1000 / calls };
    };
    const ask = (): Promise<Sample> => peer.ask<Sample>({ calls });
    for (let i = 0; i < 3; i++) {
      own();
      await ask();
    }
    const samples: { ours: Sample[]; torch: Sample[] } = { ours: [], torch: [] };
    for (let round = 0; round < rounds; round++) {
      if (round % 2 === 0) samples.ours.push(own());
      samples.torch.push(await ask());
      if (round % 2 === 1) samples.ours.push(own());
    }
    const compared = (of: (sample: Sample) => number) => {
      const ratios = samples.torch.map((sample, round) => of(sample) / of(samples.ours[round]));
      return {
        ms: median(samples.ours.map(of)),
        torchMs: median(samples.torch.map(of)),
        ratio: median(ratios),
        ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      };
    };
    return {
      torch: theirs.version,
      record: { ...sizes, threads: 1, ...compared(({ ms }) => ms), cpu: compared(({ cpuMs }) => cpuMs), samples },
    };
  } finally {
    peer.stop();
    rmSync(folder, { recursive: true });
  }
}

const alphabet = ['', ' ', "'", ...'abcdefghijklmnopqrstuvwxyz'];

/** Words of a made-up language, and sentences of them in which each word prefers some. */
function language(rng: Random, count: number): { words: string[]; sentences: string[][] } {
  const letter = (letters: string): string => letters[rng.integer(letters.length)];
  const syllable = (): string => letter('bcdfghklmnprstvw') + letter('aeiou') + (rng.uniform() < 0.3 ? letter('lnrst') : '');
  const words = Array.from({ length: count }, () => Array.from({ length: 1 + rng.integer(3) }, syllable).join(''));
  const sentences = Array.from({ length: 2000 }, () => {
    let at = rng.integer(count);
    return Array.from({ length: 5 + rng.integer(8) }, () => {
      at = rng.uniform() < 0.7 ? (at * 7 + rng.integer(4)) % count : rng.integer(count);
      return words[at];
    });
  });
  return { words, sentences };
}

/** What a model might say of ten seconds at 100 frames a second: each letter on a few frames, sure or less so, blanks between. */
function speech(rng: Random, sentences: readonly string[][]): Float32Array {
  const [frames, V] = [1000, alphabet.length];
  const text = sentences.flat().join(' ');
  const logits = rng.fillNormal(new Float32Array(frames * V), 0, 1);
  for (let t = 0, i = 0; t < frames; t++) {
    const v = t % 7 === 3 ? alphabet.indexOf(text[i++]) : 0;
    logits[t * V + v] += 3 + 5 * rng.uniform();
  }
  return logits;
}

function measureSearch() {
  const rng = new Random(2);
  const { words, sentences } = language(rng, 3000);
  const logits = speech(rng, sentences.slice(0, 40));
  const V = alphabet.length;
  const letters = estimateNgrams(
    sentences.map((sentence) => Array.from(sentence.join(' '))),
    { order: 6 },
  );
  const bigrams = estimateNgrams(sentences, { order: 2 });
  const tokenizer = new CharTokenizer(['\n', ...alphabet.slice(1)]);
  const architecture = { cell: 'lstm', embeddingSize: 32, hiddenSize: 128, numLayers: 1, dropout: 0, embeddingDropout: 0 } as const;
  const output = { tieWeights: false, softmax: 'full' as const, samples: 1, cutoffs: [] };
  const model = new LanguageModel({ ...architecture, ...output, vocabularySize: tokenizer.size, rng });
  const neural = new LanguageModelScorer(model, tokenizer);
  const scorers: [what: string, scorer: SequenceScorer<unknown> | null][] = [
    ['alone', null],
    [
      'character 6-grams',
      withSymbols(
        letters,
        alphabet.map((character) => letters.idOf(character)),
      ) as SequenceScorer<unknown>,
    ],
    [
      'character LSTM of 128',
      withSymbols(
        neural,
        alphabet.map((character) => neural.idOf(character)),
      ) as SequenceScorer<unknown>,
    ],
    [
      'lexicon of 3,000 words, word bigrams',
      wordScorer({ symbols: alphabet, separator: 1, lexicon: words, languageModel: bigrams, wordBonus: 1 }) as SequenceScorer<unknown>,
    ],
  ];
  return scorers.map(([what, scorer]) => {
    const run = (): Sample => {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      const search = new CtcBeamSearch(V, { beamWidth: 10, scorer, scorerWeight: 0.5, insertionBonus: scorer === null ? 0 : 0.5 });
      search.push(logits);
      if (search.best()[0].symbols.length < 20) throw new Error(`[bench] ${what}: the search found next to nothing`);
      const { user, system } = process.cpuUsage(cpu);
      return { ms: performance.now() - start, cpuMs: (user + system) / 1000 };
    };
    run();
    const samples = Array.from({ length: 9 }, run);
    const [ms, cpuMs] = [median(samples.map((sample) => sample.ms)), median(samples.map((sample) => sample.cpuMs))];
    console.log(`beam 10, ${what}: ${cpuMs.toFixed(0)} ms of processor time (${ms.toFixed(0)} ms) for 10 s`);
    return { what, frames: logits.length / V, V, beamWidth: 10, audioMs: 10_000, ms, cpuMs, timesRealTime: 10_000 / cpuMs, samples };
  });
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

const { torch, record } = await measureLoss();
console.log(
  `CTC loss and gradient: ${record.ms.toFixed(2)} ms, PyTorch ${record.torchMs.toFixed(1)} ms: ${record.ratio.toFixed(2)}x, of the processor's time ${record.cpu.ratio.toFixed(2)}x (${getBackend().description})`,
);
keepResult('ctc', {
  ...circumstances(`npx tsx bench/ctc.ts${process.argv[2] ? ` ${rounds}` : ''}`, { PyTorch: torch }),
  description: getBackend().description,
  loss: record,
  search: measureSearch(),
});
