// Captions for images: the encoder, from pixels on, and the words are learnt together. The images are drawn here, two coloured shapes each;
// a third of the combinations is never shown in training. Where the model looked for each word is drawn over one of them.
//   npx tsx examples/16-captioning.ts [looked.svg]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { captionPictures, drawLooked, prepareCaptioner, Random, readPicture, scoreCaptions } from 'unrolled';

const rng = new Random(3);
const colours = { red: [214, 40, 40], green: [46, 160, 67], blue: [38, 84, 214], yellow: [244, 190, 30] };
const shapes = ['circle', 'square', 'triangle'] as const;
type Colour = keyof typeof colours;
type Shape = (typeof shapes)[number];
const names = Object.keys(colours) as Colour[];

/** Whether a point, in radii from a shape's middle, is on it. */
function isOn(shape: Shape, x: number, y: number): boolean {
  if (shape === 'circle') return x * x + y * y < 1;
  return shape === 'square' ? Math.max(Math.abs(x), Math.abs(y)) < 0.85 : y < 0.8 && y > 2 * Math.abs(x) - 0.9;
}

/** One above the other, somewhere in its half. */
function draw(above: [Colour, Shape], below: [Colour, Shape]): Uint8Array {
  const size = 32;
  const data = new Uint8Array(size * size * 3).fill(255);
  [above, below].forEach(([colour, shape], half) => {
    const radius = 4.6 + 1.8 * rng.uniform();
    const [middleX, middleY] = [8 + 16 * rng.uniform(), (half === 0 ? 7.5 : 23.5) + rng.uniform()];
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        if (isOn(shape, (x - middleX) / radius, (y - middleY) / radius)) data.set(colours[colour], (y * size + x) * 3);
      }
    }
  });
  return encode({ width: size, height: size, data, channels: 3, depth: 8 });
}

mkdirSync('shapes/images', { recursive: true });
const rows = ['image\tsplit\tcaption'];
for (let i = 0; i < 900; i++) {
  const pick = () => [rng.integer(names.length), rng.integer(shapes.length)];
  const [[c1, s1], [c2, s2]] = [pick(), pick()];
  const split = (c1 + s1 + c2 + s2) % 3 === 0 ? 'test' : i % 20 === 0 ? 'val' : 'train';
  const [above, below]: [Colour, Shape][] = [
    [names[c1], shapes[s1]],
    [names[c2], shapes[s2]],
  ];
  writeFileSync(`shapes/images/${i}.png`, draw(above, below));
  rows.push(`${i}.png\t${split}\ta ${above.join(' ')} above a ${below.join(' ')}`);
}
writeFileSync('shapes/captions.tsv', rows.join('\n'));

const training = await prepareCaptioner(
  { train: ['shapes/captions.tsv'] },
  {
    imageSize: 32,
    gridSize: 8,
    channels: 12,
    embeddingSize: 24,
    hiddenSize: 48,
    attentionSize: 24,
    dropout: 0.1,
    shift: 0.03,
    rotation: 0,
    attentionPenalty: 0,
    wordsLoss: 0,
    learningRate: 0.005,
    epochs: 20,
    batchSize: 16,
  },
);
for await (const event of training.run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: ${(100 * event.metrics.exact).toFixed(0)} % word for word`);
}

const tested = rows
  .slice(1)
  .map((row) => row.split('\t'))
  .filter(([, split]) => split === 'test');
const pictures = await Promise.all(tested.map(([image]) => readPicture(`shapes/images/${image}`, 32)));
const results = await captionPictures(training.captioner, pictures);
const said = results.map(({ captions: [best] }) => best.caption);
const { metrics } = scoreCaptions(
  said,
  tested.map(([, , caption]) => [caption]),
);
console.log(`combinations never seen: ${(100 * metrics.exact).toFixed(0)} % word for word, BLEU-4 ${metrics.bleu4.toFixed(1)}`);

const [best] = results[0].captions;
const href = `data:image/png;base64,${readFileSync(`shapes/images/${tested[0][0]}`).toString('base64')}`;
const words = best.tokens.slice(0, -1).map((word, t) => ({ word, attention: best.attention[t] }));
const out = process.argv[2] ?? 'looked.svg';
writeFileSync(out, drawLooked({ href, words }, { title: best.caption, across: 5 }));
console.log(`${best.caption}, drawn into ${out}`);
