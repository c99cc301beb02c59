/** `unrolled inspect`: what is in a model file, and, given an input, how gradients and memories go through it. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { writeAtomically } from '#files';
import { themes } from '../insight/figure/render.ts';
import { flowFigure } from '../insight/flow/flow-figure.ts';
import { inspectAt } from '../insight/inspection.ts';
import { taskNamed, tasks } from '../tasks/registry.ts';
import { choice, text, whole } from '../tasks/schema.ts';
import { ConfigError } from '../tensor/errors.ts';
import { sizeOf } from '../tensor/shape.ts';
import { loadModel, type ModelFile } from '../training/model-file.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { addFlags, readOptions } from './flags.ts';
import { inspectionLines } from './inspection-screen.ts';
import { partOf } from './observed-part.ts';
import { pictureFormat } from './picture.ts';
import { renderPng } from './png.ts';
import { inputOf } from './predict.ts';
import { bytes, grouped, openTerminal } from './terminal.ts';
import { factLines } from './training-screen.ts';

const inspectSchema = v.strictObject({
  part: v.optional(text('of a model of several parts: which one, such as encoder (default the last)')),
  steps: v.optional(whole('of the input, at most: its last ones', 2, 5000), 200),
  theme: v.optional(choice("of the picture; auto follows the reader's (in a PNG it is light)", themes), 'auto'),
});

interface InspectFlags extends BackendFlags {
  readonly file?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .summary('show what a model is made of; with an input, how gradients and memory go through it')
    .argument('<model>', 'model file, such as runs/book/model.safetensors')
    .argument('[input]', 'what the model works on: gradients through time, memory, gates; - for standard input')
    .option('--file <file>', 'work on this file')
    .option('--out <file>', 'draw it as well: FILE.svg or FILE.png')
    .option('--json', 'print JSON');
  addFlags(command, inspectSchema);
  addBackendFlags(command);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  $ unrolled inspect runs/book/model.safetensors\n  $ unrolled inspect runs/book/model.safetensors "It was the whale" --out whale.svg\n  $ unrolled inspect runs/book/model.safetensors --file book.txt --steps 500',
    )
    .action(runInspect);
}

async function runInspect(path: string, input: string | undefined, flags: InspectFlags): Promise<void> {
  useBackend(flags);
  const { json, file } = flags;
  const options = await readOptions(inspectSchema, flags);
  const model = await loadModel(path);
  if (input !== undefined || file !== undefined) return inspectInput(path, model, input, flags, options);
  const given = (['out', 'part', 'steps', 'theme'] as const).filter((name) => flags[name] !== undefined);
  if (given.length > 0) {
    throw new ConfigError(`--${given[0]} belongs to an input: name one after the model, or a file with --file.`);
  }
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

/** The model at work on an input. */
async function inspectInput(
  path: string,
  model: ModelFile,
  input: string | undefined,
  flags: InspectFlags,
  { part, steps, theme }: v.InferOutput<typeof inspectSchema>,
): Promise<void> {
  const { out, json } = flags;
  const format = out === undefined ? null : pictureFormat(out);
  const task = taskNamed(model.config.task);
  if (task.observe === undefined) {
    throw new ConfigError(`${path}: ${task.name} models cannot be looked at on an input yet; without one, their tensors can.`);
  }
  const inspection = inspectAt(partOf(await task.observe(model, inputOf(task, input, flags)), part), steps);
  if (out !== undefined) {
    const { faces } = await import('../insight/figure/fonts/latin.ts');
    const picture =
      format === 'png'
        ? await renderPng(flowFigure(inspection, { theme: theme === 'auto' ? 'light' : theme, placedText: true }), 1920, faces)
        : Buffer.from(flowFigure(inspection, { theme, fonts: faces }));
    await writeAtomically(out, picture);
  }
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ model: path, task: task.name, ...inspection, ...(out === undefined ? {} : { out }) })}\n`);
    return;
  }
  const terminal = openTerminal();
  for (const line of ['', ...inspectionLines(inspection, terminal), '']) process.stdout.write(line === '' ? '\n' : `  ${line}\n`);
  if (out !== undefined) terminal.line(`  ${out}`);
}

function statistics(values: ArrayLike<number>): { mean: number; deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / Math.max(1, values.length);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length)) };
}
