/** `unrolled inspect`: what is in a model file. */
import type { Command } from 'commander';
import { taskNamed, tasks } from '../tasks/registry.ts';
import { sizeOf } from '../tensor/shape.ts';
import { loadModel } from '../training/model-file.ts';
import { bytes, grouped, openTerminal } from './terminal.ts';
import { factLines } from './training-screen.ts';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .summary('show what a model is made of and how it was trained')
    .argument('<model>', 'model file, such as runs/book/model.safetensors')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ unrolled inspect runs/book/model.safetensors')
    .action(runInspect);
}

async function runInspect(path: string, { json }: { readonly json?: boolean }): Promise<void> {
  const model = await loadModel(path);
  const tensors = [...model.tensors].map(([name, { shape, values }]) => ({
    name,
    shape,
    parameters: sizeOf(shape),
    ...statistics(values),
  }));
  const parameters = tensors.reduce((sum, { parameters }) => sum + parameters, 0);
  if (json === true) {
    const { vocabulary: _, ...config } = model.config;
    process.stdout.write(`${JSON.stringify({ model: path, ...config, parameters, tensors })}\n`);
    return;
  }
  const terminal = openTerminal();
  const { bold, dim } = terminal;
  const known = tasks.some(({ name }) => name === model.config.task);
  const print = (line = ''): void => void process.stdout.write(`${line}\n`);
  print();
  print(`  ${bold(model.config.task)}  ${dim(`${grouped(parameters)} parameters, ${bytes(4 * parameters)}`)}`);
  print();
  if (known) for (const line of factLines(taskNamed(model.config.task).describe(model), terminal)) print(line);
  print();
  const nameWidth = Math.max(6, ...tensors.map(({ name }) => name.length));
  const shapeWidth = Math.max(5, ...tensors.map(({ shape }) => shape.join(' × ').length));
  print(
    dim(
      `  ${'tensor'.padEnd(nameWidth)}  ${'shape'.padStart(shapeWidth)}  ${'parameters'.padStart(11)}  ${'mean'.padStart(9)}  ${'deviation'.padStart(9)}`,
    ),
  );
  for (const { name, shape, parameters: count, mean, deviation } of tensors) {
    const numbers = [mean, deviation].map((x) => x.toFixed(4).padStart(9)).join('  ');
    print(`  ${name.padEnd(nameWidth)}  ${shape.join(' × ').padStart(shapeWidth)}  ${grouped(count).padStart(11)}  ${numbers}`);
  }
  print();
}

function statistics(values: ArrayLike<number>): { mean: number; deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / Math.max(1, values.length);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length)) };
}
