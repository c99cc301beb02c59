export { type AlignedSymbol, type CtcAlignment, type CtcAlignOptions, ctcAlign } from './ctc-align.ts';
export { checkSampling, type SamplingOptions, sample } from './sampling.ts';
