/** `unrolled evaluate`: a model's metrics on data. */
import type { Command } from 'commander';
import { getBackend } from '../backend/select.ts';
import { taskNamed, tasks } from '../tasks/registry.ts';
import { loadModel } from '../training/model-file.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { addFlags } from './flags.ts';
import { optionsFor, optionsOfAll } from './task-options.ts';
import { openTerminal } from './terminal.ts';

export function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .summary('measure a model on data')
    .argument('<model>', 'model file, such as runs/book/model.safetensors')
    .argument('[data...]', 'files to measure on')
    .option('--json', 'print JSON');
  addBackendFlags(command);
  addFlags(command, optionsOfAll('evaluateOptions'));
  command.addHelpText('after', `\nExample:\n${tasks.map(({ examples }) => `  $ ${examples.evaluate}`).join('\n')}`).action(runEvaluate);
}

interface EvaluateFlags extends BackendFlags {
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

async function runEvaluate(path: string, data: readonly string[], flags: EvaluateFlags): Promise<void> {
  useBackend(flags);
  const model = await loadModel(path);
  const task = taskNamed(model.config.task);
  const options = await optionsFor(task, 'evaluateOptions', path, flags);
  const begun = performance.now();
  const { metrics, samples, report, details } = await task.evaluate(model, data, options);
  const seconds = Math.round(performance.now() - begun) / 1000;
  const backend = getBackend().name;
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ task: task.name, model: path, metrics, samples, details, seconds, backend })}\n`);
    return;
  }
  const { dim } = openTerminal();
  const width = Math.max(...Object.keys(metrics).map((name) => name.length));
  for (const [name, value] of Object.entries(metrics)) process.stdout.write(`${name.padEnd(width)}  ${value.toPrecision(6)}\n`);
  if (report !== undefined) process.stdout.write(`\n${report.trimEnd()}\n\n`);
  process.stdout.write(`${dim(`${samples} samples in ${seconds} s on ${backend}`)}\n`);
}
