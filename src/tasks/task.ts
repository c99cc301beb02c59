/**
 * What a task is: one application of recurrent networks, from a user's files to a used model. Each has a folder here and a
 * line in registry.ts; commands are written against this contract, and know no task by name.
 */
import type { Metrics, TrainingEvent } from '../training/events.ts';
import type { ModelFile } from '../training/model-file.ts';
import type { OptionsSchema } from './schema.ts';

export interface Task {
  /** As on the command line: `language-model`. */
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** Commands that work as printed, given the files. */
  readonly examples: { readonly train: string; readonly evaluate: string; readonly predict: string };
  /** What `train` takes beside files: checks a program's options, a configuration file and the command line alike. */
  readonly trainOptions: OptionsSchema;
  readonly evaluateOptions: OptionsSchema;
  readonly predictOptions: OptionsSchema;
  /** Reads the data and builds the model; nothing is trained yet. */
  prepare(request: TrainRequest): Promise<PreparedTraining>;
  /** The training in a run's folder, ready to go on from its last checkpoint. */
  resume(out: string): Promise<PreparedTraining>;
  /** @param data paths; @param options checked against `evaluateOptions` */
  evaluate(model: ModelFile, data: readonly string[], options: TaskOptions): Promise<Evaluation>;
  /**
   * Yields text for a screen as it comes.
   *
   * @param input    what the command was given to work on, '' when nothing
   * @param options  checked against `predictOptions`
   */
  predict(model: ModelFile, input: string, options: TaskOptions): AsyncIterable<string>;
  /** What `inspect` shows of a model, beside its tensors. */
  describe(model: ModelFile): Facts;
}

export type TaskOptions = Readonly<Record<string, unknown>>;

/** Labels and what they say, in order. */
export type Facts = readonly (readonly [label: string, value: string])[];

export interface TrainRequest {
  readonly train: readonly string[];
  /** None: the task sets a part of the training data aside. */
  readonly valid: readonly string[];
  /** The run's folder. */
  readonly out: string;
  /** Checked against `trainOptions`. */
  readonly options: TaskOptions;
}

export interface PreparedTraining {
  readonly facts: Facts;
  /** Training steps in all. */
  readonly steps: number;
  /** What `items` of a step are: "tokens". */
  readonly items: string;
  /** The metric that chooses the best weights, and is drawn beside the loss. */
  readonly monitored: string;
  /** The training's data as paths, for the evaluation's command. */
  readonly valid: readonly string[];
  run(options: { readonly signal?: AbortSignal }): AsyncIterable<TrainingEvent>;
  /** Metrics on all validation data, of the model as it is. */
  evaluate(): Promise<Metrics>;
  /** Metrics in words: "1.532 nats a character". */
  tell(metrics: Metrics): string;
}

export interface Evaluation {
  readonly metrics: Metrics;
  /** How many items were judged. */
  readonly samples: number;
}
