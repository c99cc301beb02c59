export { checkSampling, type SamplingOptions, sample } from './sampling.ts';
