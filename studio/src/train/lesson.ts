/** What the page can train: one file a task in lessons/, each with this face. */
import type { TrainingEvent } from 'unrolled';

export type Cell = 'lstm' | 'gru' | 'rnn';

/** A training in the worker, ready to run. */
export interface Prepared {
  /** Labels and what they say. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  run(options: { readonly signal: AbortSignal }): AsyncIterable<TrainingEvent>;
  /** What there is to draw of the model as it is: plain data for the lesson's view. */
  view?(): unknown;
  /** An answer to something that the reader asks the model. */
  ask?(question: unknown): unknown;
  /** The model as a file. */
  save(): Uint8Array<ArrayBuffer>;
  /** Of the file: without `.safetensors`. */
  readonly name: string;
}

export interface Lesson<Data = never> {
  prepare(data: Data): Promise<Prepared>;
}
