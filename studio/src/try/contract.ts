/**
 * A task in Try is two files in tasks/ under the task's name: NAME.ts opens the model in the worker and answers questions,
 * NAME.svelte asks them and shows what comes. Nothing else names them.
 */
import type { ModelFile } from 'unrolled';

/** What NAME.ts exports. */
export interface TryTask<Question = never, Answer = unknown> {
  /** Makes the model. @throws FormatError when the file will not do */
  open(file: ModelFile, bytes: Uint8Array): OpenModel<Question, Answer> | Promise<OpenModel<Question, Answer>>;
}

/** A model in the worker. */
export interface OpenModel<Question = never, Answer = unknown> {
  /** What there is to know of it, for the view: plain data. */
  readonly about?: unknown;
  readonly facts: readonly (readonly [label: string, value: string])[];
  ask(question: Question): Answer | Promise<Answer>;
}

/** What NAME.svelte is given. */
export interface TryProps<Question = unknown, Answer = unknown, About = unknown> {
  readonly about: About;
  /** Answers come in order; only the last question that waits is asked. null: another one came after it. */
  readonly ask: (question: Question) => Promise<Answer | null>;
}

/** "3 layers of 128 units" and the like, from a model's configuration. */
export function factsOf({ config, tensors }: ModelFile): [string, string][] {
  const parameters = [...tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const { cell, numLayers, hiddenSize } = config.architecture as { cell?: string; numLayers?: number; hiddenSize?: number };
  const layers =
    hiddenSize === undefined
      ? []
      : [['layers', `${numLayers ?? 1} × ${cell === undefined ? '' : `${cell.toUpperCase()} of `}${hiddenSize} units`] as [string, string]];
  return [...layers, ['parameters', parameters.toLocaleString('en')]];
}
