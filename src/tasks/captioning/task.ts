/** Captioning as a task of the command line. */
import { listFolder, writeAtomically } from '#files';
import { isImageName } from '../../data/images.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { ModelFile } from '../../training/model-file.ts';
import type { Evaluation, Facts, PredictInput, Prediction, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { type CaptioningResult, captionPictures } from './caption-pictures.ts';
import { readExamples } from './dataset.ts';
import { evaluateCaptioner } from './evaluate.ts';
import { drawLooked } from './looked.ts';
import type { CaptioningModel } from './model.ts';
import { observe } from './observe.ts';
import { type CaptionerOptions, type CaptionOptions, evaluateSchema, predictSchema, trainSchema } from './options.ts';
import { type PicturePlaces, readPicture } from './pictures.ts';
import { captionerFrom } from './saved.ts';
import { type CaptionerTraining, prepareCaptioner, resumeCaptioner } from './training.ts';

export const captioning: Task = {
  name: 'captioning',
  summary: 'learn to say what images show',
  data: 'CSV or TSV with the columns image and caption, or JSON as Karpathy’s splits; PNG and JPEG images beside it',
  input: 'file',
  examples: {
    train: 'unrolled train captioning captions.csv --images photos --out runs/photos',
    evaluate: 'unrolled evaluate runs/photos/model.safetensors test.csv --images photos',
    predict: 'unrolled predict runs/photos/model.safetensors cat.png --looked looked.svg',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareCaptioner({ train, valid }, options as CaptionerOptions, out));
  },

  async resume(out) {
    return prepared(await resumeCaptioner(out));
  },

  evaluate,
  predict,

  async observe(file, input) {
    const captioner = captionerFrom(file);
    const [path] = await imagesIn(input, captioner.model);
    return observe(captioner, await readPicture(path, sizeOf(captioner.model)));
  },

  describe(file) {
    const { model, tokenizer, config } = captionerFrom(file);
    return [
      ...architectureFacts(model),
      ['Vocabulary', `${count(tokenizer.size)} ${inWords[tokenizer.level]}`],
      ...Object.entries(config.training ?? {}).flatMap(provenance),
    ];
  },
};

async function evaluate(file: ModelFile, data: readonly string[], options: TaskOptions): Promise<Evaluation> {
  if (data.length === 0) throw new ConfigError('expected at least one file of captions to evaluate on, received none.');
  const {
    errors = 10,
    split,
    images,
    features,
    imageColumn,
    captionColumn,
    splitColumn,
    ...search
  } = options as CaptionOptions &
    PicturePlaces & { errors?: number; split?: string; imageColumn?: string; captionColumn?: string; splitColumn?: string };
  const captioner = captionerFrom(file);
  const { format } = captioner.config;
  const reading = {
    images,
    features,
    split,
    imageColumn: imageColumn ?? format.imageColumn,
    captionColumn: captionColumn ?? format.captionColumn,
    splitColumn: splitColumn ?? format.splitColumn,
  };
  const examples = await readExamples(data, reading, sizeOf(captioner.model));
  const { metrics, judged } = await evaluateCaptioner(captioner, examples, search);
  const worst = judged.filter(({ isExact }) => !isExact).sort((a, b) => a.cider - b.cider);
  const shown = worst.slice(0, errors);
  const lines = shown.map(({ image, caption, references }) => cut(`  ${image}: ${caption} (${references.join(' / ')})`, 100));
  return {
    metrics,
    samples: examples.length,
    ...(shown.length > 0 ? { report: `Worst captions (and what people said)\n${lines.join('\n')}\n` } : {}),
    details: { captions: judged },
  };
}

async function* predict(file: ModelFile, input: PredictInput, options: TaskOptions): AsyncGenerator<Prediction> {
  const { looked, ...search } = options as CaptionOptions;
  const captioner = captionerFrom(file);
  const paths = await imagesIn(input, captioner.model);
  if (looked !== undefined && paths.length > 1) {
    throw new ConfigError(`looked: expected one image to draw over, received ${paths.length} in ${input.path}. Name one of them.`);
  }
  const size = sizeOf(captioner.model);
  for (const path of paths) {
    const picture = await readPicture(path, size);
    const [result] = await captionPictures(captioner, [picture], search);
    const lines = result.captions.map(
      ({ caption, probability }) => `${caption}${(search.nBest ?? 1) > 1 ? `  (${percent(probability)})` : ''}`,
    );
    let text = paths.length === 1 ? `${lines.join('\n')}\n` : lines.map((line) => `${path}\t${line}\n`).join('');
    if (looked !== undefined) {
      await writeAtomically(looked, await lookedAt(path, picture instanceof Uint8Array ? picture : null, size, result));
      text += `Drawn into ${looked}.\n`;
    }
    yield { text, value: predictionOf(path, result) };
  }
}

function predictionOf(image: string, { captions }: CaptioningResult) {
  const [best] = captions;
  return {
    image,
    caption: best.caption,
    probability: best.probability,
    words: best.tokens.map((word, t) => ({ word, attention: Array.from(best.attention[t] ?? [], (x) => Number(x.toPrecision(4))) })),
    ...(captions.length > 1 ? { others: captions.slice(1).map(({ caption, probability }) => ({ caption, probability })) } : {}),
  };
}

async function imagesIn({ path }: PredictInput, model: CaptioningModel): Promise<string[]> {
  if (path === null) throw new ConfigError('expected an image file, or a folder of images, received a text. Name one: cat.png');
  return imagesAt(path, model);
}

/** The file itself, or every image of a folder. */
async function imagesAt(path: string, model: CaptioningModel): Promise<string[]> {
  const isVector = model.architecture.input.kind === 'features';
  const isPicture = (name: string) => (isVector ? /\.npy$/i.test(name) : isImageName(name));
  if (isPicture(path)) return [path];
  let names: string[];
  try {
    names = await listFolder(path);
  } catch (error) {
    // A file: what it is, its bytes say.
    if ((error as { code?: string }).code === 'ENOTDIR') return [path];
    throw error;
  }
  const images = names.filter(isPicture);
  if (images.length > 0) return images.map((name) => `${path.replace(/[/\\]$/, '')}/${name}`);
  throw new FormatError(
    `expected ${isVector ? 'vectors of an image (.npy)' : 'an image (PNG or JPEG)'}, or a folder of them, found ${names.length === 0 ? 'nothing, or an empty folder' : `a folder with none, of ${names.length} files`}.`,
    { file: path },
  );
}

async function lookedAt(path: string, pixels: Uint8Array | null, size: number, { captions: [best] }: CaptioningResult): Promise<string> {
  if (pixels === null)
    throw new ConfigError('looked: expected a captioner of images, received one of vectors: there is no image to draw over.');
  // The image as the model sees it: in its proportions on a white square.
  const { encode } = await import('fast-png');
  const plane = size * size;
  const data = Uint8Array.from({ length: 3 * plane }, (_, i) => pixels[(i % 3) * plane + Math.floor(i / 3)]);
  const png = encode({ width: size, height: size, data, channels: 3, depth: 8 });
  const words = best.tokens.map((word, t) => ({ word: word === '' ? '(end)' : word, attention: best.attention[t] }));
  const name = path.replace(/^.*[/\\]/, '');
  return drawLooked({ href: `data:image/png;base64,${base64(png)}`, words }, { title: `${name}: “${best.caption}”` });
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function sizeOf({ architecture }: CaptioningModel): number {
  return architecture.input.kind === 'images' ? architecture.input.size : 1;
}

function prepared({ captioner, data, options, files, steps, run, evaluate: measure }: CaptionerTraining): PreparedTraining {
  const { train, valid } = data;
  const captions = (examples: typeof train) => examples.reduce((sum, example) => sum + example.captions.length, 0);
  return {
    facts: [
      ['Images', `${count(train.length)} to learn from, ${count(valid.length)} to validate on`],
      ['Captions', `${count(captions(train))}, of ${count(data.tokenizer.size)} ${inWords[options.level]}`],
      ...architectureFacts(captioner.model),
      ['Training', `${count(steps)} steps of ${options.batchSize} captions, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'captions',
    monitored: 'cider',
    heldOut: 'images',
    next: { label: 'Caption', input: 'image.png' },
    valid: files.valid,
    run,
    evaluate: measure,
    tell: ({ bleu4, cider, exact }) => `CIDEr ${cider.toFixed(3)}, BLEU-4 ${bleu4.toFixed(1)}, ${(100 * exact).toFixed(1)} % word for word`,
  };
}

const inWords = { word: 'words', char: 'characters', bpe: 'byte pairs' } as const;

function architectureFacts(model: CaptioningModel): Facts {
  const { input, hiddenSize } = model.architecture;
  const reads =
    input.kind === 'images'
      ? `images of ${input.size} x ${input.size}, convolutions of ${input.channels.join(', ')} channels, a grid of ${input.size / 2 ** input.halvings} x ${input.size / 2 ** input.halvings}`
      : `vectors of ${input.featureSize} numbers`;
  return [
    ['Reads', reads],
    ['Model', `LSTM of ${hiddenSize} units with attention, ${count(model.parameterCount)} parameters`],
  ];
}

function provenance([name, value]: [string, unknown]): Facts {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [[name, String(value)]];
  const entries = Object.entries(value).map(([key, inner]) => `${key} ${typeof inner === 'number' ? Number(inner.toPrecision(5)) : inner}`);
  return [[name, entries.join(', ')]];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
