/** Three networks side by side: same input, same seed, same size. Runs in a worker; knows no page. */
import {
  Adam,
  backward,
  DivergenceError,
  GRU,
  GradientNorms,
  initializers,
  Linear,
  LSTM,
  Module,
  noGrad,
  type Optimizer,
  Random,
  RNN,
  SGD,
  scope,
  type Tensor,
  tensor,
  traceLayers,
} from 'unrolled';
import { type Lesson, makeLesson } from './lesson.ts';
import { type CellName, cells, type Settings } from './settings.ts';

/** What one cell does with the sequence, as numbers. */
export interface CellFrame {
  readonly cell: CellName;
  /** [T, H] row-major, by quantity: h, c, and the gates. */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** ‖∂L/∂h_t‖ of the loss at the step that was asked for; 0 after it. [T] */
  readonly gradient: Float32Array;
  /** The loss at that step. */
  readonly loss: number;
  /** What it says at each step, in words. [T] */
  readonly outputs: readonly string[];
  readonly parameterCount: number;
  /** The training step at which the loss or gradient was no longer a number; null: all is well. */
  readonly diverged: number | null;
}

export interface Frame {
  readonly T: number;
  readonly hiddenSize: number;
  readonly tokens: readonly string[];
  readonly wanted: readonly string[];
  /** The step whose loss the gradients are of. */
  readonly lossStep: number;
  readonly cells: readonly CellFrame[];
  /** Training steps done. */
  readonly steps: number;
  /** Losses of the steps since the last frame, one list a cell; of a step that diverged there is none. */
  readonly losses: readonly (readonly { readonly step: number; readonly loss: number }[])[];
}

class Network extends Module {
  readonly layer: RNN | GRU | LSTM;
  readonly head: Linear;

  constructor(cell: CellName, lesson: Lesson, { hiddenSize, activation, weightScale, forgetBias, seed }: Settings) {
    super();
    const rng = new Random(seed);
    const options = {
      inputSize: lesson.inputSize,
      hiddenSize,
      // An orthogonal matrix has eigenvalues of magnitude 1: times the scale, that is its spectral radius.
      recurrentInit: (values: Float32Array | Float64Array, shape: readonly number[]) =>
        initializers.orthogonal(values, shape, rng, weightScale),
      rng,
    };
    this.layer = this.child(
      'layer',
      cell === 'lstm' ? new LSTM({ ...options, forgetBias }) : cell === 'gru' ? new GRU(options) : new RNN({ ...options, activation }),
    );
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: lesson.outputSize, rng }));
  }

  /** @returns logits [B, T, O] */
  forward(x: Tensor, gradientNorms?: GradientNorms): Tensor {
    const { output } = this.layer.forward(x, null, gradientNorms === undefined ? {} : { gradientNorms });
    return this.head.forward(output);
  }
}

class Learner {
  readonly cell: CellName;
  readonly network: Network;
  diverged: number | null = null;
  losses: { step: number; loss: number }[] = [];
  readonly #optimizer: Optimizer;
  readonly #rng: Random;
  readonly #lesson: Lesson;

  constructor(cell: CellName, lesson: Lesson, settings: Settings) {
    this.cell = cell;
    this.network = new Network(cell, lesson, settings);
    this.#lesson = lesson;
    this.#rng = new Random(settings.seed + 1);
    this.#optimizer = optimizerOf(this.network, settings);
  }

  /** New rates for a training that goes on. */
  tune({ learningRate }: Settings): void {
    this.#optimizer.learningRate = learningRate;
  }

  step(): void {
    if (this.diverged !== null) return;
    const step = this.#optimizer.steps + 1;
    try {
      const { x, loss } = this.#lesson.batch(this.#rng);
      this.losses.push({ step, loss: this.#optimizer.step(() => loss(this.network.forward(x))).item() });
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      this.diverged = step;
    }
  }

  async look(lossStep: number): Promise<CellFrame> {
    const { network, cell, diverged } = this;
    const { inputSize, outputSize, x: numbers, tell } = this.#lesson;
    const T = numbers.length / inputSize;
    const x = tensor(numbers, { shape: [1, T, inputSize] });
    const [trace] = traceLayers(network.layer, x);
    const H = trace.hiddenSize;
    const names = Object.keys(trace.steps[0].values) as (keyof (typeof trace.steps)[0]['values'])[];
    const values = Object.fromEntries(
      names.map((name) => {
        const all = new Float32Array(T * H);
        trace.steps.forEach((step, t) => {
          all.set(step.values[name]!, t * H);
        });
        return [name, all];
      }),
    );
    const norms = new GradientNorms();
    network.zeroGrad();
    const logits = network.forward(x, norms);
    const loss = this.#lesson.lossAt(logits, lossStep);
    backward(loss);
    const gradient = Float32Array.from(await norms.perStep(0));
    const scores = scope(() => noGrad(() => logits.dataSync())) as Float32Array;
    return {
      cell,
      values,
      gradient,
      loss: loss.item(),
      outputs: Array.from({ length: T }, (_, t) => tell(scores.subarray(t * outputSize, (t + 1) * outputSize))),
      parameterCount: network.parameterCount,
      diverged,
    };
  }
}

function optimizerOf(network: Network, { optimizer, learningRate, clip }: Settings): Optimizer {
  const options = { learningRate, ...(clip > 0 ? { clipNorm: clip } : {}) };
  return optimizer === 'sgd' ? new SGD(network, options) : new Adam(network, options);
}

export class Engine {
  readonly settings: Settings;
  readonly #lesson: Lesson;
  readonly #learners: readonly Learner[];
  #steps = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.#lesson = makeLesson(settings);
    this.#learners = cells.map((cell) => new Learner(cell, this.#lesson, settings));
  }

  /** T */
  get length(): number {
    return this.#lesson.tokens.length;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Another learning rate for a training that goes on. */
  tune(settings: Settings): void {
    for (const learner of this.#learners) learner.tune(settings);
  }

  /** One step of each network. @returns whether any of them still learns */
  train(): boolean {
    this.#steps += 1;
    for (const learner of this.#learners) learner.step();
    return this.#learners.some(({ diverged }) => diverged === null);
  }

  /** @param lossStep of the loss whose gradients are wanted; the last one where it is larger */
  async look(lossStep: number): Promise<Frame> {
    const { tokens, wanted } = this.#lesson;
    const at = Math.max(0, Math.min(lossStep, tokens.length - 1));
    const found: CellFrame[] = [];
    for (const learner of this.#learners) found.push(await learner.look(at));
    const losses = this.#learners.map((learner) => learner.losses.splice(0));
    return {
      T: tokens.length,
      hiddenSize: this.settings.hiddenSize,
      tokens,
      wanted,
      lossStep: at,
      cells: found,
      steps: this.#steps,
      losses,
    };
  }
}
