export { type BeamAnswer, type BeamHypothesis, type BeamModel, type BeamSearchOptions, type BeamStep, beamSearch } from './beam-search.ts';
export { checkSampling, type SamplingOptions, sample } from './sampling.ts';
