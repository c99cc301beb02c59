/**
 * What a task is: one application of recurrent networks, from a user's files to a used model. Each has a folder here and a
 * line in registry.ts; commands are written against this contract, and know no task by name.
 */
import type { TextSource } from '../data/text/text-source.ts';
import type { Observation } from '../insight/figure/trace.ts';
import type { Metrics, TrainingEvent } from '../training/events.ts';
import type { ModelFile } from '../training/model-file.ts';
import type { OptionsSchema } from './schema.ts';

export interface Task {
  /** As on the command line: `language-model`. */
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** What its data files are, for `--help`: "UTF-8 text files". */
  readonly data: string;
  /** What `predict` takes after the model: a text to work on, or a file's path. It waits for one at a pipe, unless it is optional. */
  readonly input: 'text' | 'optional text' | 'file' | 'optional file';
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
   * What the model makes of an input, part by part as it comes.
   *
   * @param input    from the command line, a file, or standard input
   * @param options  checked against `predictOptions`
   * @throws FormatError naming file, line and column of what is malformed
   */
  predict(model: ModelFile, input: PredictInput, options: TaskOptions): AsyncIterable<Prediction>;
  /** What `inspect` shows of a model, beside its tensors. */
  describe(model: ModelFile): Facts;
  /** What its recurrent layers read of an input, so that `figure` can draw them at work. Absent: nothing of it can be drawn. */
  observe?(model: ModelFile, input: PredictInput): Promise<Observation>;
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
  /** What is held out, in words: "text", "sentences". */
  readonly heldOut: string;
  /** What to do with the model next: a label of at most 16 characters, and an input for `predict` as a shell takes it. */
  readonly next: { readonly label: string; readonly input: string };
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
  /** Where the model errs, for a screen: a confusion matrix, scores by class. Lines of at most 100 characters. */
  readonly report?: string;
  /** The same for machines; JSON. */
  readonly details?: unknown;
}

/** What `predict` was given. */
export interface PredictInput extends TextSource {
  /** Of a file; null: the text came from the command line or from standard input. */
  readonly path: string | null;
  /** What came, as it is: of a file, or of standard input. Absent: it is the text of the command line. */
  readonly bytes?: () => AsyncIterable<Uint8Array>;
  /** Whether the screen that reads the prediction shows colours. */
  readonly colors?: boolean;
}

/** A part of a prediction. */
export interface Prediction {
  /** For a screen, as it is: parts are written one after another, without line ends between them. */
  readonly text: string;
  /** For machines, JSON; absent where the text says it all. `--json` prints all values of a prediction as a list. */
  readonly value?: unknown;
}
