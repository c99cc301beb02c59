export { formatArpa, readArpa } from './arpa.ts';
export { BpeTokenizer, type BpeTokenizerJson, type HuggingFaceTokenizerJson } from './bpe-tokenizer.ts';
export { BpeTrainer } from './bpe-trainer.ts';
export { CharTokenizer, type CharTokenizerJson, CharVocabularyBuilder } from './char-tokenizer.ts';
export { type Corpus, type CorpusOptions, readCorpus, readTokens, type Texts, type TokenArray, type TokenText } from './corpus.ts';
export { type EstimateNgramsOptions, estimateNgrams } from './kneser-ney.ts';
export { type Ngram, NgramModel, NgramTable } from './ngram-model.ts';
export { type TextSource, textFile, textOf } from './text-source.ts';
export {
  type TextLevel,
  type TextSink,
  type TokenDecoder,
  type Tokenizer,
  type TokenizerBuilder,
  type TokenizerJson,
  tokenizerBuilder,
  tokenizerFromJson,
  type VocabularyOptions,
} from './tokenizer.ts';
export { type SymbolVocabularyOptions, Vocabulary, type VocabularyJson } from './vocabulary.ts';
export { WordTokenizer, type WordTokenizerJson, WordVocabularyBuilder } from './word-tokenizer.ts';
export { readWordVectors, type WordVectors } from './word-vectors.ts';
