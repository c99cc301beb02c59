export { addNoise, gain, perturbSpeed } from './audio/augment.ts';
export { withDeltas } from './audio/deltas.ts';
export { FeatureMoments, type FeatureNormalization, type FeatureStatistics } from './audio/feature-normalization.ts';
export { FrontEnd, type FrontEndOptions } from './audio/front-end.ts';
export { type ResampleOptions, Resampler, resample } from './audio/resample.ts';
export { type SpecAugmentOptions, specAugment } from './audio/spec-augment.ts';
export { type FeatureStage, SpectralFeatures, type SpectralFeaturesOptions } from './audio/spectral-features.ts';
export { type Audio, formatWav, mixDown, parseWav, readWav } from './audio/wav.ts';
export type { BatchPosition, BatchSource } from './batch-source.ts';
export { FastaRecord, fastaRecords } from './fasta.ts';
export { decodeImage, isImageName, type RgbImage, resizeImage } from './images.ts';
export { type NpyArray, openNpy } from './npy.ts';
export {
  columnOf,
  fieldFault,
  openTable,
  readTable,
  type Table,
  type TableHead,
  type TableOptions,
  type TableRow,
  type TableStream,
  tableRows,
} from './records/delimited.ts';
export { type JsonLine, jsonLines } from './records/json-lines.ts';
export { TimeColumn } from './records/time-column.ts';
export { type DateOrder, parseTime, type TimeReading, type TimeUnit } from './records/times.ts';
export {
  type PaddedFeatures,
  type PaddedSequences,
  padFeatures,
  padSequences,
  SequenceBatches,
  type SequenceBatchesOptions,
} from './sequence-batches.ts';
export { type StreamBatch, StreamBatches, type StreamBatchesOptions } from './stream-batches.ts';
export { type TokenSource, tokenFile, tokensOf } from './token-source.ts';
