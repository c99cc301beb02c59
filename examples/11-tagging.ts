// A tag for each word: who is meant, and where they go. "Paris" is a person in one sentence and a city in the next; what stands
// around it decides. The data are made here; files would be { train: ['train.conll'], valid: ['dev.conll'] }.
import { prepareTagging, Random, saveTagger, tagText, textOf } from 'unrolled';

const rng = new Random(1);
const pick = (words: string[]): string => words[rng.integer(words.length)];
const cities = ['Paris', 'Sydney', 'Florence', 'Oslo', 'Rome'];

/** One word and its tag a line: B- begins an entity, I- goes on with it, O is none. */
function sentence(): string {
  const person = [pick([...cities.slice(0, 3), 'Ada', 'Bo', 'Eve'])];
  if (rng.integer(2) === 0) person.push(pick(['Young', 'Parker', 'Rivers']));
  const lines = person.map((name, i) => `${name}\t${i === 0 ? 'B' : 'I'}-PER`);
  if (rng.integer(2) === 0) return [...lines, 'sings\tO', '.\tO', ''].join('\n');
  return [...lines, `${pick(['goes', 'flies', 'sails'])}\tO`, 'to\tO', `${pick(cities)}\tB-LOC`, '.\tO', ''].join('\n');
}

const data = textOf(Array.from({ length: 400 }, sentence).join('\n'), 'visits.conll');
const training = await prepareTagging(
  { train: [data] },
  { hiddenSize: 24, numLayers: 1, embeddingSize: 16, characterHiddenSize: 8, features: ['capitals'], learningRate: 0.01, epochs: 9 },
);
for await (const event of training.run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: entity F1 ${(100 * event.metrics.entityF1).toFixed(1)} %`);
}

const text = textOf('Sydney Rivers flies to Florence .\nFlorence sings .');
for await (const { sentence: tagged } of tagText(training, text, { nBest: 2 })) {
  const { words, tags, probabilities, entities, nBest } = tagged!;
  console.log(`\n${entities!.map((entity) => `${entity.text} (${entity.type})`).join(', ')}`);
  words.forEach((word, t) => {
    console.log(`  ${word.padEnd(9)} ${tags[t].padEnd(6)} ${probabilities[t].toFixed(4)}`);
  });
  console.log(`  next best (${nBest![1].probability.toFixed(4)}): ${nBest![1].tags.join(' ')}`);
}
await saveTagger('visits.safetensors', training);
