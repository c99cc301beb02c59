/** `unrolled predict`: what a model makes of an input; for a language model, text. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { getBackend } from '../backend/select.ts';
import { taskNamed, tasks } from '../tasks/registry.ts';
import type { OptionsSchema } from '../tasks/schema.ts';
import { ConfigError } from '../tensor/errors.ts';
import { loadModel } from '../training/model-file.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { addFlags, flagName, readOptions } from './flags.ts';

interface PredictFlags extends BackendFlags {
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .summary('use a model: a language model writes')
    .argument('<model>', 'model file, such as runs/book/model.safetensors')
    .argument('[input]', 'what to work on; for a language model, the text to go on from')
    .option('--json', 'print JSON');
  addBackendFlags(command);
  addFlags(command, allOptions());
  command.addHelpText('after', `\nExample:\n${tasks.map(({ examples }) => `  $ ${examples.predict}`).join('\n')}`).action(runPredict);
}

/** Options of every task; those of a name are one flag. */
function allOptions(): OptionsSchema {
  return v.strictObject(Object.assign({}, ...tasks.map(({ predictOptions }) => predictOptions.entries)));
}

async function runPredict(path: string, input: string | undefined, flags: PredictFlags): Promise<void> {
  useBackend(flags);
  const model = await loadModel(path);
  const task = taskNamed(model.config.task);
  const foreign = Object.keys(allOptions().entries).find((name) => flags[name] !== undefined && !(name in task.predictOptions.entries));
  if (foreign !== undefined) throw new ConfigError(`${flagName(foreign)} is not an option of ${task.name} models, and ${path} is one.`);
  const options = await readOptions(task.predictOptions, flags);
  const begun = performance.now();
  let text = '';
  for await (const part of task.predict(model, input ?? '', options)) {
    text += part;
    if (flags.json !== true && !process.stdout.write(part)) await new Promise((drained) => process.stdout.once('drain', drained));
    else await Promise.resolve();
  }
  if (flags.json === true) {
    const seconds = Math.round(performance.now() - begun) / 1000;
    process.stdout.write(
      `${JSON.stringify({ task: task.name, model: path, input: input ?? '', output: text, seconds, backend: getBackend().name })}\n`,
    );
  } else process.stdout.write('\n');
}
