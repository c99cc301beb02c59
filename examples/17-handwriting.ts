// Reading ink while it is written: strokes of a pen become digits, and of each digit its points are known. The ink is made here; files
// would be { train: ['notes.inkml'] }, or UNIPEN, JSON lines, SVG, images of lines.
import { writeFileSync } from 'node:fs';
import { drawInk, type Ink, InkStream, prepareHandwriting, Random, readHandwriting, recognize, textOf } from 'unrolled';

/** Digits as points that a pen goes through, stroke by stroke, in a box of 100 × 100. */
const digits: Record<string, string[]> = {
  0: ['50,0 12,30 15,80 50,100 82,70 80,25 45,2'],
  1: ['30,25 55,0 55,50 55,100'],
  2: ['12,25 40,0 72,20 50,62 10,98 45,95 85,100'],
  3: ['12,10 50,0 72,22 35,45 78,70 50,100 10,90'],
  4: ['50,0 12,62 45,66 85,64', '62,35 60,70 60,100'],
};

const rng = new Random(1);
const around = (mean: number, spread: number): number => mean + spread * rng.fillNormal(new Float32Array(1))[0];

/** A smooth curve through points (Catmull & Rom 1974), eight steps from one to the next. */
function curve(points: [number, number][]): [number, number][] {
  return points.flatMap((p, i): [number, number][] => {
    const [before, next, after] = [points[Math.max(0, i - 1)], points[i + 1], points[Math.min(points.length - 1, i + 2)]];
    if (next === undefined) return [p];
    return Array.from({ length: 8 }, (_, k) => {
      const s = k / 8;
      const at = (axis: 0 | 1): number => {
        const [a, b, c, d] = [before[axis], p[axis], next[axis], after[axis]];
        return b + 0.5 * s * (c - a + s * (2 * a - 5 * b + 4 * c - d + s * (3 * (b - c) + d - a)));
      };
      return [at(0), at(1)];
    });
  });
}

/** A line of digits as JSON: shaky, leaning, never twice the same. */
function line(text: string): string {
  const [lean, wide] = [around(0.1, 0.15), around(1, 0.1)];
  let left = 0;
  const strokes = [...text].flatMap((digit) => {
    const [height, rise] = [around(1, 0.08), around(0, 0.05)];
    const drawn = digits[digit].map((stroke) => {
      const points = stroke.split(' ').map((point) => point.split(',').map((value) => around(Number(value) / 100, 0.03)));
      return curve(points as [number, number][]).map(([x, y]) => {
        const up = height * (y - 1);
        return [100 * (left + wide * x - lean * up), 100 * (1 + up + rise)].map((value) => Math.round(10 * value) / 10);
      });
    });
    left += wide + around(0.15, 0.05);
    return drawn;
  });
  return JSON.stringify({ text, strokes });
}
const several = (count: number): string =>
  Array.from({ length: count }, () => line(Array.from({ length: 1 + rng.integer(3) }, () => rng.integer(5)).join(''))).join('\n');

const training = await prepareHandwriting(
  { train: [textOf(several(1000), 'lines.jsonl')] },
  {
    bidirectional: false,
    numLayers: 1,
    factors: [4],
    restSteps: 1,
    hiddenSize: 64,
    spacing: 0.12,
    dropout: 0,
    learningRate: 0.006,
    maxSteps: 500,
  },
);
for await (const event of training.run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: character error rate ${(100 * event.metrics.cer).toFixed(1)} %`);
}

// Point by point, as a pen gives them: what has been read stays.
const inks: Ink[] = [];
for await (const ink of readHandwriting(textOf(line('31402413'), 'line.jsonl'))) inks.push(ink as Ink);
const [ink] = inks;
const stream = new InkStream(training.recognizer);
for (const { x, y } of ink.strokes) {
  for (let i = 0; i < x.length; i++) stream.point({ x: x[i], y: y[i] });
  console.log(`the pen is lifted: ${stream.penUp().stable}`);
}
console.log(`written: ${stream.end()}`);

// All of it at once: the same text, and which points are which digit.
const [{ text, characters }] = await recognize(training.recognizer, [ink]);
console.log(`read: ${text}; the first digit is`, characters[0].strokes);
writeFileSync('ink.svg', drawInk(ink, characters));
