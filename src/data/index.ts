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
