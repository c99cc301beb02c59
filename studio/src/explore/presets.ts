/** Settings that each make one point, in one or two scenes of a few seconds. */
import { defaults, type Settings, type View } from './settings.ts';

export interface Scene {
  readonly settings: Settings;
  readonly view: View;
  /** Whether the networks learn. */
  readonly trains: boolean;
  /** When the next scene comes: after so many seconds, or steps of training. Absent: this one stays. */
  readonly until?: { readonly seconds: number } | { readonly steps: number };
  /** What there is to see. */
  readonly says: string;
  /** The unit of c that follows what is wanted most closely is chosen at the end. */
  readonly findsUnit?: boolean;
}

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly scenes: readonly Scene[];
}

const scene = (settings: Partial<Settings>, rest: Omit<Scene, 'settings'>): Scene => ({ settings: { ...defaults, ...settings }, ...rest });

const recall = { lesson: 'recall', length: 40, weightScale: 0.9, forgetBias: 3 } as const;
const exploding = { activation: 'relu', optimizer: 'sgd', learningRate: 0.3 } as const;

export const presets: readonly Preset[] = [
  {
    name: 'forgets',
    title: 'A simple RNN forgets',
    scenes: [
      scene(recall, {
        view: 'all',
        trains: false,
        says: 'The last step asks for the first letter. Follow the gradient of that answer back: in the simple RNN nothing of it reaches the letter, along the LSTM’s cell state much of it does. What no gradient reaches cannot be learnt.',
      }),
    ],
  },
  {
    name: 'explodes',
    title: 'Large weights explode',
    scenes: [
      scene(
        { ...exploding, weightScale: 1 },
        {
          view: 'all',
          trains: false,
          until: { seconds: 3.5 },
          says: 'Weights of a spectral radius of 1, relu: going back, the RNN’s gradient fades. Now the weights grow …',
        },
      ),
      scene(
        { ...exploding, weightScale: 1.8 },
        {
          view: 'all',
          trains: false,
          says: 'At 1.8 every step back multiplies it by more than one: over the sequence it grows by powers of ten. The gates of GRU and LSTM hold theirs. Thin lines: before.',
        },
      ),
    ],
  },
  {
    name: 'clipping',
    title: 'Clipping saves it',
    scenes: [
      scene(
        { ...exploding, weightScale: 1.5, clip: 0 },
        {
          view: 'rnn',
          trains: true,
          until: { steps: 60 },
          says: 'Plain gradient descent on large weights, no clipping: one exploding gradient throws the RNN’s weights away, and its loss is no longer a number …',
        },
      ),
      scene(
        { ...exploding, weightScale: 1.5, clip: 1 },
        {
          view: 'rnn',
          trains: true,
          says: 'The same weights, data and rate, the gradient’s norm clipped to 1: the loss falls.',
        },
      ),
    ],
  },
  {
    name: 'forget-bias',
    title: 'The forget bias matters',
    scenes: [
      scene(
        { forgetBias: -2 },
        {
          view: 'lstm',
          trains: false,
          until: { seconds: 3.5 },
          says: 'A forget bias of −2: the gate f is nearly shut, the cell state c is lost within a few steps, and the gradient with it …',
        },
      ),
      scene(
        { forgetBias: 4 },
        {
          view: 'lstm',
          trains: false,
          says: 'A bias of 4: f is open, c stays, and the gradient reaches the beginning. This is why an LSTM’s training often starts with a forget bias of 1 or more.',
        },
      ),
    ],
  },
  {
    name: 'brackets',
    title: 'An LSTM counts brackets',
    scenes: [
      scene(
        { lesson: 'brackets', length: 40, hiddenSize: 8, learningRate: 0.02, forgetBias: 2, text: '' },
        { view: 'lstm', trains: true, until: { steps: 300 }, says: 'It learns to say how many brackets are open …' },
      ),
      scene(
        { lesson: 'brackets', length: 40, hiddenSize: 8, learningRate: 0.02, forgetBias: 2, text: '' },
        {
          view: 'lstm',
          trains: false,
          findsUnit: true,
          says: 'One unit of its cell state c has become a counter: up at each “(”, down at each “)”. Type brackets of your own to test it.',
        },
      ),
    ],
  },
];

/** The unit whose cell state goes most closely with numbers: by the size of the correlation. @param c [T, H] */
export function unitLike(c: Float32Array, hiddenSize: number, wanted: readonly number[]): number {
  let best = { unit: 0, correlation: -1 };
  for (let unit = 0; unit < hiddenSize; unit++) {
    const values = wanted.map((_, t) => c[t * hiddenSize + unit]);
    const correlation = Math.abs(correlationOf(values, wanted));
    if (correlation > best.correlation) best = { unit, correlation };
  }
  return best.unit;
}

function correlationOf(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, k) => {
    const [x, y] = [value - meanA, b[k] - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return aa * bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
