// A recurrent model's state is a value: read half a sentence once, then go on from there in several ways.
import { argmax, CharTokenizer, LanguageModel, Random, tensor } from 'unrolled';

const tokenizer = new CharTokenizer(Array.from('abcdefgh '));
const model = new LanguageModel({
  cell: 'gru',
  vocabularySize: tokenizer.size,
  embeddingSize: 16,
  hiddenSize: 32,
  numLayers: 1,
  dropout: 0,
  embeddingDropout: 0,
  tieWeights: false,
  softmax: 'full',
  samples: 1024,
  cutoffs: [],
  rng: new Random(1),
});

const stream = model.eval().stream();
for (const token of tokenizer.encode('a bad ')) stream.step(token);
const memory = stream.state; // plain numbers: store them, send them, set them again
for (const word of ['cab', 'bed']) {
  stream.state = memory;
  let scores = stream.step(tokenizer.unknownId);
  for (const token of tokenizer.encode(word)) scores = stream.step(token);
  console.log(`after "a bad ${word}":`, tokenizer.show(argmax(tensor(scores)).item()));
}
