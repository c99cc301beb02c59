/** What Explore can be set to, its ranges, and how it stands in the page's address. */

export const cells = ['rnn', 'gru', 'lstm'] as const;
export type CellName = (typeof cells)[number];
export const cellTitles: Record<CellName, string> = { rnn: 'RNN', gru: 'GRU', lstm: 'LSTM' };

export const lessonNames = ['text', 'recall', 'brackets', 'sine'] as const;
export type LessonName = (typeof lessonNames)[number];

export const views = ['rnn', 'gru', 'lstm', 'all'] as const;
export type View = (typeof views)[number];

/** What decides the numbers: the same settings give the same ones. */
export interface Settings {
  readonly lesson: LessonName;
  /** What the networks read; of `text` and `brackets`. */
  readonly text: string;
  /** T, of the lessons whose sequences are made. */
  readonly length: number;
  readonly hiddenSize: number;
  /** σ of the simple RNN. */
  readonly activation: 'tanh' | 'relu' | 'sigmoid';
  /** Spectral radius of each W_hh at first: an orthogonal matrix times this. */
  readonly weightScale: number;
  /** Of the LSTM. */
  readonly forgetBias: number;
  readonly optimizer: 'adam' | 'sgd';
  readonly learningRate: number;
  /** Largest norm of the gradient; 0: no clipping. */
  readonly clip: number;
  readonly seed: number;
}

export const defaults: Settings = {
  lesson: 'text',
  text: 'the cat sat on the mat and the dog sat on the log.',
  length: 40,
  hiddenSize: 16,
  activation: 'tanh',
  weightScale: 0.9,
  forgetBias: 2,
  optimizer: 'adam',
  learningRate: 0.01,
  clip: 1,
  seed: 1,
};

export const ranges = {
  length: [4, 120],
  hiddenSize: [2, 64],
  weightScale: [0.1, 2],
  forgetBias: [-4, 6],
  learningRate: [0.0001, 10],
  clip: [0, 100],
  seed: [0, 9999],
} as const satisfies Partial<Record<keyof Settings, readonly [number, number]>>;

/** Longest text that is read. */
export const longestText = 121;

/** Names in addresses: short, for links that people send. */
const keys: Record<keyof Settings, string> = {
  lesson: 'input',
  text: 'text',
  length: 'T',
  hiddenSize: 'H',
  activation: 'sigma',
  weightScale: 'radius',
  forgetBias: 'forget',
  optimizer: 'opt',
  learningRate: 'lr',
  clip: 'clip',
  seed: 'seed',
};

/** What differs from the defaults. */
export function toParams(settings: Settings): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of Object.keys(keys) as (keyof Settings)[]) {
    if (settings[name] !== defaults[name]) params.set(keys[name], String(settings[name]));
  }
  return params;
}

/** Whatever an address says: what is out of range or unknown gives way to the default. */
export function fromParams(params: URLSearchParams): Settings {
  const number = (name: keyof typeof ranges): number => {
    const given = params.get(keys[name]);
    if (given === null || given.trim() === '' || !Number.isFinite(Number(given))) return defaults[name];
    const [low, high] = ranges[name];
    return Math.min(high, Math.max(low, Number(given)));
  };
  const whole = (name: keyof typeof ranges): number => Math.round(number(name));
  const one = <T extends string>(name: keyof Settings, known: readonly T[], fallback: T): T =>
    known.find((choice) => choice === params.get(keys[name])) ?? fallback;
  return {
    lesson: one('lesson', lessonNames, defaults.lesson),
    text: (params.get(keys.text) ?? defaults.text).slice(0, longestText),
    length: whole('length'),
    hiddenSize: whole('hiddenSize'),
    activation: one('activation', ['tanh', 'relu', 'sigmoid'], defaults.activation),
    weightScale: number('weightScale'),
    forgetBias: number('forgetBias'),
    optimizer: one('optimizer', ['adam', 'sgd'], defaults.optimizer),
    learningRate: number('learningRate'),
    clip: number('clip'),
    seed: whole('seed'),
  };
}
