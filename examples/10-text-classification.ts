// Labels for texts, from a table to a used model: is a remark about a meal praise or blame? What decides is one adjective,
// turned round by "not", whatever else is said. The data are made here; a file would be { train: ['remarks.csv'] }.
import { classifyTexts, prepareTextClassifier, Random, saveTextClassifier, textOf } from 'unrolled';

const rng = new Random(1);
const pick = (words: string[]): string => words[rng.integer(words.length)];

function remark(): string {
  const [isPraise, isTurned] = [rng.integer(2) === 1, rng.integer(2) === 1];
  const verdict = `${isTurned ? 'not ' : ''}${pick(isPraise === isTurned ? ['awful', 'bland', 'stale'] : ['good', 'tasty', 'superb'])}`;
  const aside = `${pick(['', 'not '])}${pick(['hot', 'salty', 'big'])}`;
  const text = `The ${pick(['soup', 'fish', 'cake'])} was ${rng.integer(2) === 1 ? `${verdict} but ${aside}` : `${aside} but ${verdict}`}.`;
  return `${isPraise ? 'praise' : 'blame'}\t${text}`;
}

const remarks = textOf(Array.from({ length: 600 }, remark).join('\n'), 'remarks.tsv');
const { classifier, run, evaluate } = await prepareTextClassifier(
  { train: [remarks] },
  { hiddenSize: 24, embeddingSize: 16, characterHiddenSize: 0, pooling: 'attention', dropout: 0.1, learningRate: 0.01, epochs: 12 },
);
for await (const event of run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: ${(100 * event.metrics.accuracy).toFixed(1)} % right`);
}
console.log(await evaluate());

const texts = ['The soup was not hot but good.', 'The cake was hot but not good.'];
for (const { text, labels, probabilities, attention } of await classifyTexts(classifier, texts)) {
  console.log(`\n${text} ${labels[0]} (${probabilities.get(labels[0])!.toFixed(3)})`);
  for (const { word, weight } of attention!) console.log(`  ${word.padEnd(6)} ${'█'.repeat(Math.round(40 * weight))}`);
}
await saveTextClassifier('remarks.safetensors', classifier);
