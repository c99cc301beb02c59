export { type ByteSource, blobSource, bytesSource } from './byte-source.ts';
export {
  formatSafetensors,
  type Metadata,
  openSafetensors,
  parseSafetensors,
  type SafetensorsFile,
  type SafetensorsReader,
} from './safetensors.ts';
