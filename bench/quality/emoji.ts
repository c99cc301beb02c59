/**
 * Captions for emoji, seen at 48 x 48 pixels: a convolutional encoder trained from scratch and a decoder with attention. Apart are images whose
 * base concept (the name without skin tone) is among the training images, and those whose is not; beside each, what the caption of the
 * training image scores whose pixels are nearest. Options were chosen on the validation images, which chose the best weights too.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/emoji.ts --data FOLDER [--split test] [--folder runs/emoji] [--trained]
 *
 * With --trained the model in the folder is evaluated, and not trained anew. Minutes are those of a processor: on one thread, and
 * on a machine with nothing else to do, those of the clock.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type CaptionerOptions,
  captionPictures,
  decodeImage,
  loadCaptioner,
  prepareCaptioner,
  resizeImage,
  resumeCaptioner,
  scoreCaptions,
} from '../../src/index.ts';
import { dataFile, keepQuality, type Published, type QualityRun } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    split: { type: 'string', default: 'test' },
    folder: { type: 'string', default: 'runs/emoji' },
    trained: { type: 'boolean', default: false },
    config: { type: 'string', default: '{}' },
  },
});
const origin = 'images of npm emoji-datasource-google 16.0.0, names of npm emojibase-data 17.0.0';
const captions = dataFile(values.data, 'captions.tsv', origin);
const config: CaptionerOptions = {
  imageSize: 48,
  gridSize: 6,
  channels: 24,
  channelsMost: 160,
  dropout: 0.3,
  epochs: 60,
  seed: 1,
  ...(JSON.parse(values.config) as CaptionerOptions),
};
const search = { beamWidth: 24, lengthPenalty: 0.6, views: 8, consensus: 0.5 };

const model = join(values.folder, 'model.safetensors');
const timeFile = join(values.folder, 'processor-minutes.json');
if (!values.trained) await train();

async function train(): Promise<void> {
  const before = existsSync(timeFile) ? (JSON.parse(readFileSync(timeFile, 'utf8')) as number) : 0;
  const isBegun = existsSync(join(values.folder, 'config.json'));
  const training = isBegun ? await resumeCaptioner(values.folder) : await prepareCaptioner({ train: [captions] }, config, values.folder);
  const begin = process.cpuUsage();
  const minutes = () => {
    const { user, system } = process.cpuUsage(begin);
    return before + (user + system) / 60e6;
  };
  for await (const event of training.run()) {
    if (event.type === 'checkpoint' || event.type === 'done') writeFileSync(timeFile, JSON.stringify(minutes()));
    if (event.type === 'step' && event.step % 100 === 0) {
      console.log(`step ${event.step} of ${training.steps}: loss ${event.loss.toFixed(3)}, ${minutes().toFixed(1)} minutes`);
    }
    if (event.type === 'validation') console.log(JSON.stringify(event.metrics));
  }
}

// ---- the test -----------------------------------------------------------------------------------------------------------

interface Row {
  readonly image: string;
  readonly split: string;
  readonly caption: string;
  readonly base: string;
  /** At the model's size. */
  readonly pixels: Uint8Array;
  /** As it is, for the neighbours. */
  readonly whole: Uint8Array;
}

const captioner = await loadCaptioner(model);
const { input } = captioner.model.architecture;
if (input.kind !== 'images') throw new Error('expected a captioner of images');
const rows: Row[] = [];
for (const line of readFileSync(captions, 'utf8').trim().split('\n').slice(1)) {
  const [image, split, caption, base] = line.split('\t');
  const decoded = await decodeImage(readFileSync(join(values.data!, 'images', image)), image);
  rows.push({ image, split, caption, base, pixels: resizeImage(decoded, input.size), whole: resizeImage(decoded, 64) });
}
const learnt = rows.filter(({ split }) => split === 'train');
const concepts = new Set(learnt.map(({ base }) => base));
const tested = rows.filter(({ split }) => split === values.split);
const said = await captionPictures(
  captioner,
  tested.map(({ pixels }) => pixels),
  search,
);

/** The training image whose pixels are nearest, by the sum of squared differences. */
function nearest({ whole }: Row): Row {
  let [best, least] = [learnt[0], Number.POSITIVE_INFINITY];
  for (const candidate of learnt) {
    let distance = 0;
    for (let i = 0; i < whole.length && distance < least; i++) distance += (whole[i] - candidate.whole[i]) ** 2;
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

const minutes = JSON.parse(readFileSync(timeFile, 'utf8')) as number;
const groups = [
  ['base concept in train', (row: Row) => concepts.has(row.base)],
  ['base concept not in train', (row: Row) => !concepts.has(row.base)],
  ['all', () => true],
] as const;
const runs: QualityRun[] = [];
const published: Published[] = [];
for (const [name, isIn] of groups) {
  const indices = tested.flatMap((row, i) => (isIn(row) ? [i] : []));
  const references = indices.map((i) => [tested[i].caption]);
  const { metrics } = scoreCaptions(
    indices.map((i) => said[i].captions[0].caption),
    references,
  );
  const baseline = scoreCaptions(
    indices.map((i) => nearest(tested[i]).caption),
    references,
  ).metrics;
  runs.push({ name, metrics, minutes, samples: indices.length, config: { ...config, ...search } });
  published.push({ system: `nearest neighbour in pixels, ${name}`, metrics: baseline, source: 'the same script' });
  for (const [who, own] of [
    ['ours', metrics],
    ['nearest', baseline],
  ] as const) {
    const shown = Object.entries(own).map(([metric, value]) => `${metric} ${value.toFixed(3)}`);
    console.log(`${name} (${indices.length}), ${who}: ${shown.join(', ')}`);
  }
}
console.log(
  tested
    .slice(0, 40)
    .map(({ caption }, i) => `${said[i].captions[0].caption}  (${caption})`)
    .join('\n'),
);
if (values.split === 'test') {
  keepQuality('emoji', 'UNROLLED_THREADS=1 npx tsx bench/quality/emoji.ts --data FOLDER', {
    data: `Noto emoji and their English names: ${learnt.length.toLocaleString('en-US')} images to train on, 314 to choose options by, ${tested.length} to test on`,
    runs,
    hasMean: false,
    // Clearly: by a quarter.
    targets: published
      .slice(0, 2)
      .map(({ metrics }, i) => ({ metric: 'cider', run: groups[i][0], atLeast: Number((1.25 * metrics.cider).toPrecision(3)) })),
    published,
  });
}
