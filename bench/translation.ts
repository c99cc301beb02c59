/**
 * Translating: sentences of 15 pieces into 16 each, by an untrained model of the task's sizes (V 8000, vectors of 256, an encoder of
 * 2 x 256 units, an LSTM decoder of 512 that looks at the sentence), greedily and with a beam of 5. Beside it one step of the
 * decoder's cell alone, ours and onnxruntime's, on as many rows as a step of the search has at most. Time is the processor's, on one
 * thread: what else the machine does does not count.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/translation.ts [rounds]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { scope } from '../src/autograd/scope.ts';
import { noGrad } from '../src/autograd/tape.ts';
import { tensor } from '../src/autograd/tensor.ts';
import { getBackend, setThreads } from '../src/backend/select.ts';
import { median, quantile } from '../src/cli/bench/statistics.ts';
import { padSequences } from '../src/data/sequence-batches.ts';
import { beamSearch } from '../src/decode/beam-search.ts';
import { LSTMCell } from '../src/nn/lstm-cell.ts';
import { Translator } from '../src/tasks/translation/model.ts';
import { endId, paddingId, startId } from '../src/tasks/translation/vocabulary.ts';
import { Random } from '../src/tensor/random.ts';
import { circumstances, keepResult } from './circumstances.ts';

/** One way to search. Times in milliseconds of one processor, medians. */
export interface TranslationRecord {
  readonly beamWidth: number;
  /** Sentences at once. */
  readonly sentences: number;
  /** Pieces of the best translations, a second of one processor. */
  readonly tokensPerSecond: number;
  readonly tokensPerSecondQuartiles: readonly [number, number];
  /** A step of the search: attention, cell, output, softmax and the choice of all hypotheses. */
  readonly stepMs: number;
  /** Rows of the cell. */
  readonly rows: number;
  readonly cellMs: number;
  readonly peerCellMs: number;
}

/** bench/results/translation.json, beside its circumstances. */
export interface TranslationBench {
  readonly description: string;
  readonly threads: number;
  readonly records: readonly TranslationRecord[];
}

const [V, E, encoderSize, H, S, T, sentences] = [8000, 256, 256, 512, 15, 16, 32];
const M = 2 * encoderSize;

if (process.argv[1] === import.meta.filename) measure(Number(process.argv[2] ?? 15));

function measure(rounds: number): void {
  const threads = 1;
  setThreads(threads);
  const model = new Translator({
    sourceVocabularySize: V,
    targetVocabularySize: V,
    embeddingSize: E,
    tied: 'output',
    cell: 'lstm',
    encoderSize,
    encoderLayers: 1,
    decoderSize: H,
    decoderLayers: 1,
    attention: 'additive',
    attentionSize: H,
    attendFirst: false,
    embeddingDropout: 0,
    dropout: 0,
    recurrentDropout: 0,
    wordDropout: 0,
    rng: new Random(1),
  }).eval();
  const rng = new Random(2);
  const batch = padSequences(Array.from({ length: sentences }, () => Int32Array.from({ length: S }, () => 3 + rng.integer(V - 3))));
  let peerVersion = '';
  const records = [1, 5].map((beamWidth): TranslationRecord => {
    // All hypotheses go on to the last piece, so that every step has all rows: what a step costs at most.
    const search = () =>
      scope(() =>
        beamSearch(model.searchable(batch), {
          sentences,
          startToken: startId,
          endToken: endId,
          width: beamWidth,
          maxLength: T,
          minLength: T,
          forbidden: [paddingId, startId],
        }),
      );
    const rows = sentences * beamWidth;
    const cell = ownCell(rows);
    search();
    for (let i = 0; i < 100; i++) cell.step(); // until it is compiled: onnxruntime's side always is
    const [searches, cells, peers] = [[], [], []] as number[][];
    // In turns, so that what else the machine does meets all of them.
    for (let turn = 0; turn < 3; turn++) {
      const peer = peerCell(rows, 4 * rounds, threads);
      peerVersion = peer.version;
      peers.push(...peer.samples);
      const difference = Math.max(...peer.outputs.map((x, i) => Math.abs(x - cell.outputs[i])));
      if (!(difference < 1e-4)) throw new Error(`onnxruntime's cell differs from ours by ${difference}`);
      for (let round = 0; round < rounds; round++) {
        searches.push(timed(search));
        for (let i = 0; i < 4; i++) cells.push(timed(cell.step));
      }
    }
    const said = sentences * T * 1000;
    const record = {
      beamWidth,
      sentences,
      tokensPerSecond: said / median(searches),
      tokensPerSecondQuartiles: [said / quantile(searches, 0.75), said / quantile(searches, 0.25)] as const,
      stepMs: median(searches) / T,
      rows,
      cellMs: median(cells),
      peerCellMs: median(peers),
    };
    console.log(JSON.stringify(record));
    return record;
  });
  const { description } = getBackend();
  const command = `UNROLLED_THREADS=1 npx tsx bench/translation.ts ${rounds}`;
  keepResult('translation', { ...circumstances(command, { 'onnxruntime-node': peerVersion }), description, threads, records });
}

function timed(call: () => unknown): number {
  const start = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** As bench/peers/ort-cell.js makes them. */
function made(length: number, phase: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 0.7 + phase) / 10);
}

/** One step of the decoder's cell, its input being [x, context]. */
function ownCell(rows: number) {
  const I = E + M;
  const cell = new LSTMCell({ inputSize: I, hiddenSize: H });
  cell.loadStateDict(
    new Map([
      ['weight_ih', { shape: [4 * H, I], values: made(4 * H * I, 1) }],
      ['weight_hh', { shape: [4 * H, H], values: made(4 * H * H, 2) }],
      ['bias_ih', { shape: [4 * H], values: new Float32Array(4 * H) }],
      ['bias_hh', { shape: [4 * H], values: new Float32Array(4 * H) }],
    ]),
  );
  const [x, h, c] = [
    tensor(made(rows * I, 3), { shape: [rows, I] }),
    ...[4, 5].map((phase) => tensor(made(rows * H, phase), { shape: [rows, H] })),
  ];
  const step = () => scope(() => noGrad(() => cell.forward(x, [h, c])[0].dataSync()));
  return { step, outputs: step() };
}

function peerCell(rows: number, rounds: number, threads: number): { version: string; samples: number[]; outputs: number[] } {
  const program = fileURLToPath(new URL('./peers/ort-cell.js', import.meta.url));
  const args = [program, rows, E + M, H, rounds, threads].map(String);
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`onnxruntime's side ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
