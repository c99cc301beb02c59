/** Captioning from files to captions: what it learns, what it reads, and the way there and back. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noGrad } from '../../autograd/tape.ts';
import { setThreads } from '../../backend/select.ts';
import { formatSafetensors } from '../../interop/safetensors.ts';
import { Random } from '../../tensor/random.ts';
import { formatModel, parseModel } from '../../training/model-file.ts';
import { imageBatch, viewsOf } from './augment.ts';
import { captionPictures } from './caption-pictures.ts';
import { evaluateCaptioner } from './evaluate.ts';
import { readPicture, readPictures } from './pictures.ts';
import { captionerFrom, loadCaptioner } from './saved.ts';
import { prepareCaptioner, resumeCaptioner } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-captioning-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...parts: string[]) => join(folder, ...parts);

const colours = { red: [220, 30, 30], green: [30, 180, 60], blue: [40, 60, 220] } as const;
const sides = ['left', 'right'] as const;
type Colour = keyof typeof colours;

/** A plain half in a colour, the other half white. */
function half(colour: Colour, side: 'left' | 'right', rng: Random): Uint8Array {
  const data = new Uint8Array(8 * 8 * 3);
  for (let p = 0; p < 64; p++) {
    const isColoured = p % 8 < 4 === (side === 'left');
    for (let c = 0; c < 3; c++) data[p * 3 + c] = Math.max(0, Math.min(255, (isColoured ? colours[colour][c] : 240) + rng.integer(15)));
  }
  return encode({ width: 8, height: 8, data, channels: 3, depth: 8 });
}

const tiny = {
  imageSize: 8,
  gridSize: 4,
  channels: 8,
  embeddingSize: 12,
  hiddenSize: 16,
  attentionSize: 8,
  dropout: 0,
  shift: 0,
  scale: 0.05,
  rotation: 0,
  jitter: 0.05,
  learningRate: 0.02,
  labelSmoothing: 0,
  batchSize: 12,
  seed: 3,
};
const table = at('captions.csv');

beforeAll(() => {
  setThreads(1);
  mkdirSync(at('images'));
  const rng = new Random(5);
  const rows = ['image,split,caption'];
  for (let i = 0; i < 72; i++) {
    const colour = (Object.keys(colours) as Colour[])[i % 3];
    const side = sides[Math.floor(i / 3) % 2];
    writeFileSync(at('images', `${i}.png`), half(colour, side, rng));
    const split = i < 54 ? 'train' : i < 63 ? 'val' : 'test';
    rows.push(`${i}.png,${split},a ${colour} half on the ${side}`);
    if (i % 4 === 0) rows.push(`${i}.png,${split},${colour} to the ${side}`);
  }
  writeFileSync(table, rows.join('\n'));
});

test('learns colours and sides from pixels, says the captions of images, and comes back from its file', async () => {
  const training = await prepareCaptioner({ train: [table] }, { ...tiny, maxSteps: 150 }, at('run'));
  expect(training.data.train).toHaveLength(54);
  expect(training.data.valid).toHaveLength(9);
  for await (const _ of training.run()) {
    // to the end
  }
  const metrics = await training.evaluate();
  expect(metrics.exact).toBe(1);
  expect(metrics.cider).toBeGreaterThan(4);

  const captioner = await loadCaptioner(at('run', 'model.safetensors'));
  const pictures = await Promise.all([64, 65, 66].map((i) => readPicture(at('images', `${i}.png`), 8)));
  const [first] = await captionPictures(captioner, pictures, { nBest: 3 });
  expect(first.captions[0].caption).toMatch(/^(a green half on the right|green to the right)$/);
  expect(first.captions[0].tokens.join(' ').trim()).toBe(first.captions[0].caption);
  for (const places of first.captions[0].attention) {
    expect(places).toHaveLength(16);
    expect(places.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 5);
  }
  const probabilities = first.captions.map(({ probability }) => probability);
  expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeLessThanOrEqual(1 + 1e-6);

  // Alone and side by side, greedily and over several views of the image: the same.
  const [alone] = await captionPictures(captioner, [pictures[0]], { nBest: 3 });
  expect(alone.captions.map(({ caption }) => caption)).toEqual(first.captions.map(({ caption }) => caption));
  expect(alone.captions[0].probability).toBeCloseTo(first.captions[0].probability, 4);
  const said = await Promise.all([{ beamWidth: 1 }, { views: 4 }].map((options) => captionPictures(captioner, pictures, options)));
  for (const results of said) {
    results.forEach(({ captions: [best] }, i) => {
      const [colour, side] = [['green', 'blue', 'red'][i], 'right'];
      expect(best.caption).toContain(colour);
      expect(best.caption).toContain(i === 2 ? 'left' : side);
    });
  }

  // The same file again, and none that is not whole.
  const bytes = formatModel({ config: captioner.config, tensors: captioner.model.stateDict() });
  const again = captionerFrom(parseModel(bytes));
  expect(formatModel({ config: again.config, tensors: again.model.stateDict() })).toEqual(bytes);
  const { tensors } = parseModel(bytes);
  const without = new Map([...tensors].filter(([name]) => name !== 'encoder.norm0.running_mean'));
  expect(() => captionerFrom({ config: captioner.config, tensors: without })).toThrow('missing tensor "encoder.norm0.running_mean"');
  const fewer = { ...captioner.config, vocabulary: { level: 'word' as const, words: ['a'], lowercase: false } };
  expect(() => captionerFrom({ config: fewer, tensors })).toThrow(/expected \d+ tokens, received 3/);
});

test('a training that was stopped and resumed ends in the same weights, statistics of normalisation among them', async () => {
  const options = { ...tiny, dropout: 0.2, maxSteps: 12, evaluateEvery: 4 };
  const whole = await prepareCaptioner({ train: [table] }, options, at('whole'));
  for await (const _ of whole.run()) {
    // to the end
  }
  const stopped = await prepareCaptioner({ train: [table] }, options, at('stopped'));
  const controller = new AbortController();
  for await (const event of stopped.run({ signal: controller.signal })) if (event.type === 'step' && event.step === 7) controller.abort();
  const resumed = await resumeCaptioner(at('stopped'));
  for await (const _ of resumed.run()) {
    // to the end
  }
  const [a, b] = [whole, resumed].map(({ captioner }) => captioner.model.stateDict());
  for (const [name, { values }] of a) expect(b.get(name)!.values, name).toEqual(values);
  const model = (run: string) => readFileSync(at(run, 'model.safetensors')).subarray(8 + 4096);
  expect(Buffer.compare(model('whole').subarray(-1000), model('stopped').subarray(-1000))).toBe(0);
  writeFileSync(table, readFileSync(table, 'utf8').replace('a red half', 'a pink half'));
  await expect(resumeCaptioner(at('stopped'))).rejects.toThrow('the data of the training in');
  writeFileSync(table, readFileSync(table, 'utf8').replace('a pink half', 'a red half'));
});

test('vectors in place of images: a row for each image, tensors by name, or a file each', async () => {
  const rng = new Random(8);
  const names = Array.from({ length: 12 }, (_, i) => `${i}`);
  const vector = (i: number) => Float32Array.from({ length: 4 }, (_, d) => (d === i % 4 ? 1 : 0) + 0.05 * rng.uniform());
  const vectors = names.map((_, i) => vector(i));
  const words = ['one', 'two', 'three', 'four'];
  const captions = at('features.csv');
  writeFileSync(captions, ['image,caption', ...names.map((name, i) => `${name}.jpg,number ${words[i % 4]}`)].join('\n'));
  writeFileSync(
    at('all.npy'),
    npy(
      [12, 4],
      vectors.flatMap((row) => [...row]),
    ),
  );
  writeFileSync(at('all.safetensors'), formatSafetensors(new Map(vectors.map((values, i) => [names[i], { shape: [1, 2, 2], values }]))));
  const options = { ...tiny, memorySize: 8, validFraction: 0.2, batchSize: 4, wordsLoss: 0.1 };
  const byRow = await prepareCaptioner({ train: [captions] }, { ...options, features: at('all.npy'), maxSteps: 150 });
  expect(byRow.captioner.model.architecture.input).toEqual({ kind: 'features', featureSize: 4, memorySize: 8 });
  for await (const _ of byRow.run()) {
    // to the end
  }
  const { metrics } = await evaluateCaptioner(byRow.captioner, byRow.data.train);
  expect(metrics.exact).toBe(1);
  const byName = await prepareCaptioner({ train: [captions] }, { ...options, features: at('all.safetensors'), maxSteps: 1 });
  expect(byName.captioner.model.architecture.input).toEqual({ kind: 'features', featureSize: 2, memorySize: 8 });
  expect(byName.data.train[0].picture).toMatchObject({ count: 2, size: 2 });

  // Images of different numbers of vectors, alone and side by side.
  const grids = [1, 3].map((count) => ({ values: new Float32Array(4 * count).map((_, i) => (i % 4 === 2 ? 1 : 0)), count, size: 4 }));
  const together = await captionPictures(byRow.captioner, grids);
  const alone = await captionPictures(byRow.captioner, [grids[1]]);
  expect(together[1].captions[0].caption).toBe('number three');
  expect(together[1].captions[0].probability).toBeCloseTo(alone[0].captions[0].probability, 5);
  await expect(captionPictures(byRow.captioner, [new Uint8Array(192)])).rejects.toThrow(
    'this captioner reads vectors of 4 numbers, received an image',
  );
});

function npy(shape: number[], values: number[]): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.replace(',,', ',').padEnd(117);
  const bytes = new Uint8Array(11 + header.length + 4 * values.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length + 1, 0]);
  bytes.set(new TextEncoder().encode(`${header}\n`), 10);
  bytes.set(new Uint8Array(Float32Array.from(values).buffer), 11 + header.length);
  return bytes;
}

test.each([
  ['an image that is not there', 'image,caption\n999.png,A cat\n2.png,A dog\n', {}, 'bad.csv, line 2: there is no image "999.png" in'],
  [
    'a name that is no image',
    'image,caption\n1.gif,A cat\n',
    {},
    'bad.csv, line 2: expected the name of a PNG, JPEG or .npy file, found "1.gif"',
  ],
  ['a damaged image', 'image,caption\nbroken.png,A cat\n2.png,A dog\n', {}, 'broken.png: this PNG image is damaged or cut off'],
  [
    'an image that is a text',
    'image,caption\ntext.png,A cat\n',
    {},
    'text.png, byte 0: expected a PNG or JPEG image, found a file that begins with 68 65 6c 6c',
  ],
  [
    'an empty image',
    'image,caption\nempty.png,A cat\n2.png,A dog\n',
    {},
    'empty.png, byte 0: expected a PNG or JPEG image, found an empty file',
  ],
  ['images elsewhere', 'image,caption\n1.png,A cat\n2.png,A dog\n', { images: 'nowhere' }, /there is no image "[12].png" in nowhere\//],
  ['images and vectors', 'image,caption\n1.png,A\none.npy,B\n', {}, 'expected images, or vectors as .npy files, received some of each'],
  ['vectors that are no array', 'image,caption\nwrong.npy,A\n2.png,B\n', {}, 'wrong.npy, byte 0: expected a NumPy array'],
  [
    'vectors of two widths',
    'image,caption\none.npy,A\ntwo.npy,B\n',
    {},
    /expected vectors of [23] numbers, as those of "(one|two).npy", found [23] numbers in those of/,
  ],
  ['vectors with NaN', 'image,caption\nnan.npy,A\n2.png,B\n', {}, 'nan.npy: expected finite numbers, found NaN at element 1'],
  [
    'vectors of four axes',
    'image,caption\ndeep.npy,A\n',
    {},
    'expected the vectors of an image as [numbers], [vectors, numbers] or [height, width, numbers]',
  ],
  [
    'features for another number of images',
    'image,caption\n1.png,A\n',
    { features: 'two.npy' },
    'expected an array of 2 rows, one for each image in the order of the captions, found [2]',
  ],
  [
    'features without an image',
    'image,caption\n1.png,A\n2.png,B\n',
    { features: 'some.safetensors' },
    /some.safetensors has no tensor "[12].png"/,
  ],
  [
    'features of another kind',
    'image,caption\n1.png,A\n2.png,B\n',
    { features: 'some.pt' },
    'expected features in a .npy or .safetensors file',
  ],
])('refuses %s', async (_, text, places: { images?: string; features?: string }, message) => {
  const png = readFileSync(at('images', '1.png'));
  writeFileSync(at('images', 'broken.png'), png.subarray(0, 80));
  writeFileSync(at('images', 'text.png'), 'hello');
  writeFileSync(at('images', 'empty.png'), '');
  writeFileSync(at('images', 'one.npy'), npy([3], [1, 2, 3]));
  writeFileSync(at('images', 'two.npy'), npy([2], [1, 2]));
  writeFileSync(at('two.npy'), npy([2], [1, 2]));
  writeFileSync(at('images', 'nan.npy'), npy([2], [1, Number.NaN]));
  writeFileSync(at('images', 'deep.npy'), npy([1, 1, 1, 1], [1]));
  writeFileSync(at('images', 'wrong.npy'), 'not an array, though long enough to have been one');
  writeFileSync(at('some.safetensors'), formatSafetensors(new Map([['other', { shape: [1], values: Float32Array.of(1) }]])));
  // One is set aside for validation.
  writeFileSync(at('bad.csv'), text.trim().split('\n').length === 2 ? `${text}2.png,A dog\n` : text);
  const given = places.features === undefined ? places : { features: at(places.features) };
  await expect(prepareCaptioner({ train: [at('bad.csv')] }, { ...tiny, ...given, validFraction: 0.5 })).rejects.toThrow(message);
});

test('refuses options and splits that do not fit', async () => {
  await expect(prepareCaptioner({ train: [table] }, { ...tiny, imageSize: 12 })).rejects.toThrow(
    'imageSize: expected gridSize (4) times a power of two, such as 32, received 12',
  );
  await expect(prepareCaptioner({ train: [table], valid: [table] }, { ...tiny, splitColumn: 'part' })).rejects.toThrow(
    'unknown column "part"',
  );
  writeFileSync(at('again.csv'), 'image,caption\n1.png,A half\n');
  await expect(prepareCaptioner({ train: [table], valid: [at('again.csv')] }, tiny)).rejects.toThrow(
    'again.csv, line 2: image "1.png" is learnt from as well',
  );
  writeFileSync(at('tests.csv'), 'image,split,caption\n1.png,test,A half\n');
  await expect(prepareCaptioner({ train: [at('tests.csv')] }, tiny)).rejects.toThrow(
    'expected captions to learn from, found none of the split "train"; there are test',
  );
  writeFileSync(at('single.csv'), 'image,caption\n1.png,A half\n');
  await expect(prepareCaptioner({ train: [at('single.csv')] }, tiny)).rejects.toThrow(
    'expected enough images to set some aside for validation, received 1',
  );
});

test('augmentation keeps what it is told to keep', async () => {
  const [picture] = await readPictures([{ image: '1.png', captions: ['A'], split: null, file: table, line: 2 }], {}, 8);
  const scale = { mean: [0, 0, 0], deviation: [1, 1, 1] };
  const image = picture as Uint8Array;
  const still = { shift: 0, scale: 0, rotation: 0, jitter: 0, flip: false };
  const pixels = (by: typeof still, seed = 1) => noGrad(() => imageBatch([image], 8, scale, { by, rng: new Random(seed) }).dataSync());
  for (const [i, value] of pixels(still).entries()) expect(value).toBeCloseTo(image[i], 3);
  expect([...viewsOf([image], 8, scale, 0).dataSync()]).toEqual([...image]);
  expect([...pixels({ ...still, shift: 0.2 })]).toEqual([...pixels({ ...still, shift: 0.2 })]);
  expect([...pixels({ ...still, shift: 0.2 })]).not.toEqual([...pixels({ ...still, shift: 0.2 }, 2)]);
  const mirrored = Array.from({ length: 8 }, (_, seed) => pixels({ ...still, flip: true }, seed));
  const isMirror = (x: ArrayLike<number>) => Array.from({ length: 8 }, (_, i) => Math.abs(x[i] - image[7 - i]) < 1e-3).every(Boolean);
  const isSame = (x: ArrayLike<number>) => Array.from({ length: 8 }, (_, i) => Math.abs(x[i] - image[i]) < 1e-3).every(Boolean);
  expect(mirrored.every((x) => isMirror(x) || isSame(x))).toBe(true);
  expect(mirrored.some(isMirror) && mirrored.some(isSame)).toBe(true);
});
