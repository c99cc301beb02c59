export { type BeamAnswer, type BeamHypothesis, type BeamModel, type BeamSearchOptions, type BeamStep, beamSearch } from './beam-search.ts';
export { type AlignedSymbol, type CtcAlignment, type CtcAlignOptions, ctcAlign } from './ctc-align.ts';
export {
  type CtcBeamOptions,
  CtcBeamSearch,
  type CtcBeamSearchOptions,
  type CtcHypothesis,
  ctcBeamSearch,
} from './ctc-beam-search.ts';
export { CtcGreedyDecoder, type CtcGreedyOptions, ctcGreedy, type GreedyResult } from './ctc-greedy.ts';
export { checkSampling, type SamplingOptions, sample } from './sampling.ts';
export { type SequenceScorer, withSymbols } from './sequence-scorer.ts';
export {
  TransducerBeamSearch,
  type TransducerBeamSearchOptions,
  TransducerGreedyDecoder,
  type TransducerGreedyOptions,
  type TransducerHypothesis,
  type TransducerModel,
  type WrittenSymbol,
} from './transducer.ts';
export { type LexiconNode, type WordModel, type WordScorerOptions, type WordScorerState, wordScorer } from './word-scorer.ts';
