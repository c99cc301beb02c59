// Speech, nearly: three "words", each a tone that glides its own way. A recogniser learns which were said from nothing but the order of
// their names, and then hears them as they come in. The sounds are made here; files would be prepareSpeech({ train: ['manifest.tsv'] }).
import { mkdirSync, writeFileSync } from 'node:fs';
import { formatWav, prepareSpeech, Random, recognizeSpeech, SpeechStream, saveSpeechRecognizer } from 'unrolled';

const rate = 8000;
const rng = new Random(1);
const glides: Record<string, [from: number, to: number]> = { up: [400, 1200], down: [1200, 400], stay: [800, 800] };

/** Each word takes about a quarter of a second, with a little silence and noise around it. */
function say(words: string[]): Float32Array {
  const sound: number[] = [];
  const silence = (samples: number): void => {
    for (let i = 0; i < samples; i++) sound.push(0.01 * (rng.uniform() - 0.5));
  };
  for (const word of words) {
    silence(300 + rng.integer(500));
    const [from, to] = glides[word];
    const length = 1600 + rng.integer(800);
    let phase = 0;
    for (let i = 0; i < length; i++) {
      phase += (2 * Math.PI * (from + ((to - from) * i) / length)) / rate;
      sound.push(0.3 * Math.min(1, i / 100, (length - i) / 100) * Math.sin(phase) + 0.01 * (rng.uniform() - 0.5));
    }
  }
  silence(600);
  return Float32Array.from(sound);
}

mkdirSync('sounds', { recursive: true });
const manifest = ['path\ttranscript'];
for (let i = 0; i < 90; i++) {
  const words = Array.from({ length: 1 + rng.integer(4) }, () => Object.keys(glides)[rng.integer(3)]);
  writeFileSync(`sounds/${i}.wav`, await formatWav(say(words), rate));
  manifest.push(`${i}.wav\t${words.join(' ')}`);
}
writeFileSync('sounds/manifest.tsv', `${manifest.join('\n')}\n`);

// Not bidirectional, so that it can listen; three frames become one step.
const training = await prepareSpeech(
  { train: ['sounds/manifest.tsv'] },
  {
    units: 'word',
    bidirectional: false,
    numLayers: 1,
    hiddenSize: 32,
    factors: [3],
    melBins: 24,
    speeds: [1],
    dropout: 0,
    learningRate: 0.02,
    batchSize: 8,
    specAugment: false,
    epochs: 14,
    seed: 1,
  },
);
for await (const event of training.run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: ${(100 * event.metrics.wer).toFixed(0)} % of the words wrong`);
}

const { recognizer } = training;
const sound = say(['up', 'stay', 'down', 'up']);
const { words } = await recognizeSpeech(recognizer, sound);
console.log(words.map(({ text, start, end }) => `${text} ${start.toFixed(2)}–${end.toFixed(2)} s`).join(', '));

// The same in pieces of a quarter of a second, as a microphone would give them: what is stable will not be taken back.
const stream = new SpeechStream(recognizer, { beamWidth: 4 });
for (let at = 0; at < sound.length; at += 2000) {
  const { stable, partial } = stream.push(sound.subarray(at, at + 2000));
  console.log(`${((at + 2000) / rate).toFixed(2)} s: ${stable}${partial === '' ? '' : `[${partial}]`}`);
}
console.log(`at the end: ${stream.end()}`);
await saveSpeechRecognizer('glides.safetensors', recognizer);
