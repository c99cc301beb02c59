/** A language model reading: what each unit does at each token, what it expected, what it writes next. */
import { generate, languageModelFrom, type SavedLanguageModel } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export type Question =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'write'; readonly prompt: string; readonly length: number; readonly temperature: number };

/** A text as the model saw it. */
export interface Reading {
  readonly tokens: readonly string[];
  /** By layer and state, [T, H] row-major. */
  readonly states: readonly {
    readonly name: string;
    readonly layer: number;
    readonly quantity: 'h' | 'c';
    readonly values: Float32Array;
  }[];
  readonly hiddenSize: number;
  /** −log₂ of the probability that each token had, in bits; of the first one unknown. */
  readonly surprise: Float32Array;
  /** What it expects after each token, likeliest first. */
  readonly next: readonly (readonly (readonly [token: string, probability: number])[])[];
}

/** Read at most: a picture of more would not be looked at. */
export const mostTokens = 1500;
const shown = 5;

export const task: TryTask<Question, Reading | string> = {
  open(file): OpenModel<Question, Reading | string> {
    const saved = languageModelFrom(file);
    return {
      facts: [...factsOf(file), ['vocabulary', `${saved.tokenizer.size.toLocaleString('en')} tokens`]],
      ask(question) {
        if (question.kind === 'read') return read(saved, question.text);
        const { prompt, length, temperature } = question;
        return [...generate(saved.model, saved.tokenizer, { prompt, length, temperature })].join('');
      },
    };
  },
};

function read({ model, tokenizer }: SavedLanguageModel, text: string): Reading {
  const ids = tokenizer.encode(text).subarray(0, mostTokens);
  const { hiddenSize: H, numLayers } = model.architecture;
  const stream = model.stream();
  const quantities = (['h', 'c'] as const).slice(0, stream.state.length);
  const states = Array.from({ length: numLayers }, (_, layer) =>
    quantities.map((quantity) => ({
      name: `${quantity}${numLayers > 1 ? ` of layer ${layer + 1}` : ''}`,
      layer,
      quantity,
      values: new Float32Array(ids.length * H),
    })),
  ).flat();
  const surprise = new Float32Array(ids.length).fill(Number.NaN);
  const next: [string, number][][] = [];
  let expected: Float64Array | null = null;
  ids.forEach((id, t) => {
    if (expected !== null) surprise[t] = -Math.log2(expected[id]);
    expected = probabilities(stream.step(id));
    const best = top(expected, shown);
    next.push(best.map((token) => [tokenizer.show(token).replace(/^"|"$/g, ''), expected![token]]));
    const state = stream.state;
    for (const { layer, quantity, values } of states)
      values.set(state[quantities.indexOf(quantity)].subarray(layer * H, (layer + 1) * H), t * H);
  });
  return { tokens: [...ids].map((id) => tokenizer.decode([id])), states, hiddenSize: H, surprise, next };
}

function probabilities(scores: ArrayLike<number>): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < scores.length; k++) largest = Math.max(largest, scores[k]);
  const out = Float64Array.from(scores, (score) => Math.exp(score - largest));
  const total = out.reduce((sum, value) => sum + value, 0);
  return out.map((value) => value / total);
}

/** Indices of the largest. */
function top(values: Float64Array, count: number): number[] {
  const best: number[] = [];
  values.forEach((value, k) => {
    if (best.length === count && value <= values[best[count - 1]]) return;
    const at = best.findIndex((other) => values[other] < value);
    best.splice(at < 0 ? best.length : at, 0, k);
    if (best.length > count) best.pop();
  });
  return best;
}
