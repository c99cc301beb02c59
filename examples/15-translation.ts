// Translation: sentences of a small English into a small German, in which articles and adjectives take their endings from what comes
// after them. The decoder must look ahead at the noun; where it looks can be drawn. With real texts, see docs/tasks/translation.md.
import { attentionFigure, prepareTranslation, Random, textOf, translateSentences } from 'unrolled';

const nouns = { dog: 'Hund m', cat: 'Katze f', horse: 'Pferd n', bird: 'Vogel m', mouse: 'Maus f', pig: 'Schwein n' };
const adjectives = { small: 'klein', red: 'rot', old: 'alt', fast: 'schnell' };
const verbs = { sees: 'sieht', likes: 'mag', finds: 'findet' };
/** Articles, and the endings of adjectives behind them, by gender. */
const german: Record<string, Record<string, [article: string, ending: string]>> = {
  'the subject': { m: ['der', 'e'], f: ['die', 'e'], n: ['das', 'e'] },
  'a subject': { m: ['ein', 'er'], f: ['eine', 'e'], n: ['ein', 'es'] },
  'the object': { m: ['den', 'en'], f: ['die', 'e'], n: ['das', 'e'] },
  'a object': { m: ['einen', 'en'], f: ['eine', 'e'], n: ['ein', 'es'] },
};

const rng = new Random(1);
const pick = <T>(of: Record<string, T>): [string, T] => Object.entries(of)[rng.integer(Object.keys(of).length)];
function phrase(role: string): [string, string] {
  const article = rng.integer(2) === 0 ? 'the' : 'a';
  const [adjective, stem] = pick(adjectives);
  const [noun, known] = pick(nouns);
  const [name, gender] = known.split(' ');
  const [form, ending] = german[`${article} ${role}`][gender];
  return [`${article} ${adjective} ${noun}`, `${form} ${stem}${ending} ${name}`];
}
function pair(): string {
  const [[subject, subjekt], [verb, verb2], [object, objekt]] = [phrase('subject'), pick(verbs), phrase('object')];
  return `${subject} ${verb} ${object}\t${subjekt} ${verb2} ${objekt}\n`; // TSV: source, target
}

const pairs = textOf(Array.from({ length: 1200 }, pair).join(''), 'pairs.tsv'); // or two files: ['train.en', 'train.de']
const { translator, run, evaluate } = await prepareTranslation(
  { train: [pairs] },
  {
    level: 'word',
    jointVocabulary: false,
    embeddingSize: 32,
    encoderSize: 32,
    decoderSize: 48,
    dropout: 0.1,
    embeddingDropout: 0,
    learningRate: 0.01,
    batchSize: 32,
    epochs: 4,
    validFraction: 0.05,
    seed: 1,
  },
);
for await (const event of run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: BLEU ${event.metrics.bleu.toFixed(1)}`);
}
console.log('with a beam of 5:', await evaluate());

const [sentence] = await translateSentences(translator, ['a small bird sees the old cat'], { nBest: 3 });
for (const { text, score } of sentence.translations) console.log(score.toFixed(3), text);
console.log(attentionFigure(sentence).length, 'characters of SVG: where the decoder looked');
