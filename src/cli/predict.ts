/** `unrolled predict`: what a model makes of an input: one given on the command line, a file, or standard input. */
import { fstatSync } from 'node:fs';
import type { Command } from 'commander';
import { getBackend } from '../backend/select.ts';
import { readBytes } from '../data/files-node.ts';
import { textFile, textOf, textStream } from '../data/text/text-source.ts';
import { taskNamed, tasks } from '../tasks/registry.ts';
import type { PredictInput, Task } from '../tasks/task.ts';
import { ConfigError } from '../tensor/errors.ts';
import { loadModel } from '../training/model-file.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { addFlags } from './flags.ts';
import { optionsFor, optionsOfAll } from './task-options.ts';
import { showsColor } from './terminal.ts';

interface PredictFlags extends BackendFlags {
  readonly file?: string;
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .summary('use a model: write, classify, tag, forecast, recommend')
    .argument('<model>', 'model file, such as runs/book/model.safetensors')
    .argument('[input]', 'what to work on: a text, or for models that work on files, a path; - for standard input')
    .option('--file <file>', 'work on this file')
    .option('--json', 'print JSON');
  addBackendFlags(command);
  addFlags(command, optionsOfAll('predictOptions'));
  command.addHelpText('after', `\nExample:\n${tasks.map(({ examples }) => `  $ ${examples.predict}`).join('\n')}`).action(runPredict);
}

async function runPredict(path: string, input: string | undefined, flags: PredictFlags): Promise<void> {
  useBackend(flags);
  const model = await loadModel(path);
  const task = taskNamed(model.config.task);
  const options = await optionsFor(task, 'predictOptions', path, flags);
  const given = inputOf(task, input, flags);
  const begun = performance.now();
  let text = '';
  const values: unknown[] = [];
  for await (const part of task.predict(model, given, options)) {
    text += part.text;
    if (part.value !== undefined) values.push(part.value);
    if (flags.json !== true && !process.stdout.write(part.text)) await new Promise((drained) => process.stdout.once('drain', drained));
    else await Promise.resolve();
  }
  if (flags.json === true) {
    const seconds = Math.round(performance.now() - begun) / 1000;
    const output = values.length > 0 ? { predictions: values } : { output: text };
    const report = { task: task.name, model: path, input: given.path ?? input ?? '', ...output, seconds, backend: getBackend().name };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } else if (!text.endsWith('\n')) process.stdout.write('\n');
}

/** A file where one is named; standard input where it is asked for, or where an input is needed and something comes that way. */
export function inputOf(task: Task, input: string | undefined, { file }: { readonly file?: string }): PredictInput {
  if (file !== undefined && input !== undefined) {
    throw new ConfigError(`expected one input, received "${input}" and --file ${file}. Leave one of them out.`);
  }
  const colors = showsColor(process.stdout);
  const path = file ?? (task.input.endsWith('file') && input !== '-' ? input : undefined);
  if (path !== undefined) return { ...textFile(path), path, bytes: () => wholeFile(path), colors };
  if (input === '-' || (input === undefined && !task.input.startsWith('optional') && isPiped()))
    return { ...textStream(process.stdin, 'standard input'), path: null, bytes: () => process.stdin, colors };
  return { ...textOf(input ?? '', 'the input'), path: null, colors };
}

async function* wholeFile(path: string): AsyncGenerator<Uint8Array> {
  yield await readBytes(path);
}

/** Whether something comes through a pipe, a socket (what Node gives a child) or a file; there may be nothing at all. */
function isPiped(): boolean {
  try {
    const input = fstatSync(0);
    return input.isFIFO() || input.isFile() || input.isSocket();
  } catch {
    return false;
  }
}
