/** `unrolled train`: from a user's files to a model, with a screen that is calm to look at. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { getBackend } from '../backend/select.ts';
import { taskNamed, tasks } from '../tasks/registry.ts';
import { describeOptions } from '../tasks/schema.ts';
import type { PreparedTraining, Task, TaskOptions } from '../tasks/task.ts';
import { ConfigError } from '../tensor/errors.ts';
import type { DoneEvent, Metrics } from '../training/events.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { Interrupted } from './failure.ts';
import { addFlags, flagName, readOptions } from './flags.ts';
import { Progress } from './progress.ts';
import { programName, shellWord } from './shell.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { TrainingScreen } from './training-screen.ts';

interface TrainFlags extends BackendFlags {
  readonly train?: string[];
  readonly valid?: string[];
  readonly out?: string;
  readonly config?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

export function addTrain(program: Command): void {
  const train = program
    .command('train')
    .summary('train a model from files')
    .description('Trains a model from files. Each task is a command of its own, with its own options.')
    .argument('[task]')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', `\nExample:\n  $ ${tasks[0].examples.train}`)
    .action((name?: string) => {
      if (name === undefined) throw new ConfigError(`expected a task, received none. Example: ${tasks[0].examples.train}`);
      taskNamed(name);
    });
  for (const task of tasks) {
    const command = train
      .command(task.name)
      .argument('[data...]', `training files, as with --train: ${task.data}`)
      .summary(task.summary)
      .description(`Task ${task.name}: ${task.summary}.`)
      .option('--train <file...>', 'training files')
      .option('--valid <file...>', 'validation files; default: a part of the training data')
      .option('--out <folder>', `the run's folder: checkpoints, events, model (default: runs/${task.name})`)
      .option('--resume', 'go on with the training in --out from its last checkpoint')
      .option('--config <file>', 'options as JSON, such as { "hiddenSize": 256 }; flags go over them')
      .option('--json', 'print one JSON object at the end, and nothing else, on stdout');
    addBackendFlags(command);
    addFlags(command, task.trainOptions);
    command
      .addHelpText('after', `\nExample:\n  $ ${task.examples.train}\n\nCtrl-C saves a checkpoint; --resume goes on from it.`)
      .action((data: string[], flags: TrainFlags) => runTrain(task, data, flags));
  }
}

async function runTrain(task: Task, data: readonly string[], flags: TrainFlags): Promise<void> {
  const terminal = openTerminal();
  useBackend(flags);
  const out = flags.out ?? `runs/${task.name}`;
  const reading = new Progress(terminal);
  if (terminal.isInteractive) reading.note('reading …');
  const training = await (flags.resume === true ? resume(task, data, flags, out) : prepare(task, data, flags, out)).finally(() =>
    reading.clear(),
  );
  const report = await watch(task, training, out, terminal);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
}

async function prepare(task: Task, data: readonly string[], flags: TrainFlags, out: string): Promise<PreparedTraining> {
  const train = [...data, ...(flags.train ?? [])].map((path) => resolve(path));
  if (train.length === 0) throw new ConfigError(`expected at least one training file, received none. Example: ${task.examples.train}`);
  if (existsSync(`${out}/config.json`)) {
    throw new ConfigError(`${out} already holds a training. Go on with it: --resume; or choose another folder: --out.`);
  }
  const options = withAbsolutePaths(task, await readOptions(task.trainOptions, flags, flags.config));
  return task.prepare({ train, valid: (flags.valid ?? []).map((path) => resolve(path)), out, options });
}

/** A run's folder keeps them, and a training may be resumed from another place. */
function withAbsolutePaths(task: Task, options: TaskOptions): TaskOptions {
  const absolute = (value: unknown): unknown => (Array.isArray(value) ? value.map(absolute) : resolve(value as string));
  const files = describeOptions(task.trainOptions).filter(({ name, isPath }) => isPath && options[name] !== undefined);
  return { ...options, ...Object.fromEntries(files.map(({ name }) => [name, absolute(options[name])])) };
}

/** A resumed training has its data and options from the run's folder; others would make it another training. */
async function resume(task: Task, data: readonly string[], flags: TrainFlags, out: string): Promise<PreparedTraining> {
  const given = [...Object.keys(task.trainOptions.entries), 'train', 'valid', 'config'].filter((name) => flags[name] !== undefined);
  if (given.length > 0 || data.length > 0) {
    const what = given.length > 0 ? given.map(flagName).join(', ') : data.join(', ');
    throw new ConfigError(
      `--resume goes on with the data and options in ${out}/config.json; received ${what} as well. Leave that out, or train anew in another folder.`,
    );
  }
  return task.resume(out);
}

/** What `--json` prints. */
export interface TrainReport {
  readonly task: string;
  readonly model: string;
  readonly metrics: Metrics;
  readonly steps: number;
  readonly reason: DoneEvent['reason'];
  readonly seconds: number;
  readonly backend: string;
}

/**
 * Runs a training before a user's eyes, then says how it went and what to do next.
 *
 * @throws Interrupted when Ctrl-C ended it; a checkpoint is saved
 */
export async function watch(task: Task, training: PreparedTraining, out: string, terminal: Terminal): Promise<TrainReport> {
  const screen = new TrainingScreen(terminal, training);
  const interruption = listenForInterrupt(terminal, screen);
  screen.begin();
  let done: DoneEvent | undefined;
  try {
    for await (const event of training.run({ signal: interruption.signal })) {
      screen.show(event);
      if (event.type === 'done') done = event;
    }
  } catch (error) {
    screen.close();
    throw error;
  } finally {
    interruption.stop();
  }
  if (done === undefined) throw new Error('the training ended without saying so');
  if (done.reason === 'aborted') {
    throw new Interrupted(
      `stopped at step ${done.step} of ${training.steps}; a checkpoint is saved. Go on with:\n  ${programName()} train ${task.name} --out ${shellWord(out)} --resume`,
    );
  }
  screen.note(`measuring on held-out ${training.heldOut} …`);
  const metrics = await training.evaluate();
  screen.end(metrics, done);
  const model = `${out}/model.safetensors`;
  return {
    task: task.name,
    model,
    metrics,
    steps: done.step,
    reason: done.reason,
    seconds: round(done.seconds),
    backend: getBackend().name,
  };
}

/** The first Ctrl-C asks for a checkpoint and an end, the second ends at once. */
function listenForInterrupt(terminal: Terminal, screen: TrainingScreen): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      terminal.write('\x1b[?25h');
      process.exit(1);
    }
    controller.abort();
    screen.print(terminal.dim('  stopping after this step; Ctrl-C again to stop at once'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
