/** `unrolled figure`: draws recurrent networks, or a trained one at work, as SVG or PNG. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { writeAtomically } from '#files';
import type { Activations } from '../insight/figure/activations.ts';
import { cells } from '../insight/figure/cells.ts';
import { drawFigure, type FigureOptions, figure, panels } from '../insight/figure/figure.ts';
import type { FontFace } from '../insight/figure/font-face.ts';
import { type Language, labels, languages } from '../insight/figure/languages.ts';
import { themes } from '../insight/figure/render.ts';
import { foreignLetters } from '../insight/figure/text.ts';
import { type LayerTrace, traceLayers } from '../insight/figure/trace.ts';
import { taskNamed } from '../tasks/registry.ts';
import { choice, flag, text, whole } from '../tasks/schema.ts';
import { ConfigError } from '../tensor/errors.ts';
import { loadModel } from '../training/model-file.ts';
import { addBackendFlags, type BackendFlags, useBackend } from './backend-flags.ts';
import { addFlags, readOptions } from './flags.ts';
import { partOf } from './observed-part.ts';
import { pictureFormat } from './picture.ts';
import { renderPng } from './png.ts';
import { inputOf } from './predict.ts';
import { bytes, openTerminal } from './terminal.ts';

const figureSchema = v.strictObject({
  panel: v.optional(choice('which part (default all)', panels)),
  cell: v.optional(choice('one cell alone', cells)),
  steps: v.optional(whole('time steps that are drawn (default 5; of a model 8)', 2, 8)),
  theme: v.optional(choice("colours; auto follows the reader's (in a PNG it is light)", themes), 'auto'),
  language: v.optional(choice('of the labels', languages), 'en'),
  width: v.optional(whole('in pixels (default: by the panel)', 100, 10_000)),
  fonts: v.optional(
    choice("embed: the picture brings its letters along, 45 kB; system: it takes the reader's", ['embed', 'system']),
    'embed',
  ),
  animate: v.optional(flag('states and gradients move along their lines (SVG)'), false),
  part: v.optional(text('of a model of several parts: which one, such as encoder (default the last)')),
  layer: v.optional(whole('of a model: which layer, from 1 (default the last)', 1)),
  direction: v.optional(choice('of a bidirectional model: reverse is drawn as it reads, from the end', ['forward', 'reverse']), 'forward'),
  at: v.optional(whole('of a model: the step that is shown in full, from 1 (default the last)', 1)),
});

interface FigureFlags extends BackendFlags {
  readonly out?: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly [option: string]: unknown;
}

export function addFigure(program: Command): void {
  const command = program
    .command('figure')
    .summary('draw recurrent networks, or a trained one at work')
    .argument('[model]', 'model file: draw what it computes, instead of the plain drawing')
    .argument('[input]', 'what the model works on; - for standard input')
    .option('--file <file>', 'work on this file')
    .option('--out <file>', 'where to: FILE.svg or FILE.png (default: SVG to standard output)')
    .option('--json', 'print JSON about what was written');
  addFlags(command, figureSchema);
  addBackendFlags(command);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  $ unrolled figure --out rnn.svg\n  $ unrolled figure --panel cells --cell lstm --theme dark --language de --out lstm.png\n  $ unrolled figure runs/book/model.safetensors "It was the whale" --out whale.svg',
    )
    .action(runFigure);
}

async function runFigure(model: string | undefined, input: string | undefined, flags: FigureFlags): Promise<void> {
  useBackend(flags);
  const { part, layer, direction, at, fonts, ...options } = await readOptions(figureSchema, flags);
  const { out, json } = flags;
  const format = out === undefined ? 'svg' : pictureFormat(out);
  if (json === true && out === undefined) throw new ConfigError('--json tells of a file that was written; say which: --out figure.svg');
  if (model === undefined && (part !== undefined || layer !== undefined || at !== undefined || flags.file !== undefined)) {
    throw new ConfigError('--part, --layer, --at and --file belong to a model; name its file, such as runs/book/model.safetensors.');
  }
  if (model !== undefined && (options.panel !== undefined || options.cell !== undefined)) {
    throw new ConfigError('--panel and --cell are of the plain drawing; of a model all is drawn. Leave them out, or the model.');
  }
  const faces = await facesFor(options.language);
  const shown: FigureOptions = {
    ...options,
    ...(model === undefined ? {} : { activations: await activationsOf(model, input, flags, { part, layer, direction, at }) }),
  };
  if (format === 'png') {
    const lacking = lettersWithoutFont(shown);
    if (lacking !== '') openTerminal().line(`  The fonts for PNG lack ${lacking}; an SVG shows them where the reader has them.`);
    const svg = figure({ ...shown, theme: options.theme === 'auto' ? 'light' : options.theme, placedText: true });
    return report(out!, await renderPng(svg, options.width ?? 2 * widthOf(svg), faces), svg, json);
  }
  const svg = figure({ ...shown, fonts: fonts === 'embed' ? faces : [] });
  if (out === undefined) process.stdout.write(svg);
  else await report(out, Buffer.from(svg), svg, json);
}

/** Chinese labels need letters of their own. */
async function facesFor(language: Language): Promise<readonly FontFace[]> {
  const { faces } = await import('../insight/figure/fonts/latin.ts');
  return language === 'zh' ? [...faces, ...(await import('../insight/figure/fonts/chinese.ts')).faces] : faces;
}

async function activationsOf(
  path: string,
  input: string | undefined,
  flags: FigureFlags,
  {
    part,
    layer,
    direction,
    at,
  }: { readonly part?: string; readonly layer?: number; readonly direction: LayerTrace['direction']; readonly at?: number },
): Promise<Activations> {
  const model = await loadModel(path);
  const task = taskNamed(model.config.task);
  if (task.observe === undefined) {
    throw new ConfigError(`${path}: figures of ${task.name} models at work cannot be drawn yet; without a model, the plain drawing can.`);
  }
  const observed = partOf(await task.observe(model, inputOf(task, input, flags)), part);
  const { layers, x, state } = observed;
  const traces = traceLayers(layers, x, state);
  const count = layers.options.numLayers ?? 1;
  const index = layer ?? count;
  if (index > count) throw new ConfigError(`--layer: ${path} has ${count}, received ${index}.`);
  const trace = traces.find((one) => one.layer === index - 1 && one.direction === direction);
  if (trace === undefined) throw new ConfigError(`--direction: the layers of ${path} have no reverse direction.`);
  return { ...observed, trace, layer: index, layers: count, at };
}

/** Letters of a model's tokens that a PNG cannot show: there the fonts of the machine are not used. */
function lettersWithoutFont(options: FigureOptions): string {
  const known = options.language === 'zh' ? Object.values(labels.zh).join('') : '';
  const runs = drawFigure(options).scene.marks.flatMap((mark) => (mark.kind === 'label' ? mark.runs : []));
  return [...new Set(foreignLetters(runs))].filter((letter) => !known.includes(letter)).join(' ');
}

/** Pixels, as the picture says. */
function widthOf(svg: string): number {
  return Math.round(Number(/ width="([\d.]+)"/.exec(svg)![1]));
}

async function report(out: string, content: Uint8Array, svg: string, json: boolean | undefined): Promise<void> {
  await writeAtomically(out, content);
  const title = /<title>(.*?)<\/title>/.exec(svg)![1];
  if (json === true) process.stdout.write(`${JSON.stringify({ out, format: pictureFormat(out), bytes: content.length, title })}\n`);
  else openTerminal().line(`  ${out}  ${bytes(content.length)}`);
}
