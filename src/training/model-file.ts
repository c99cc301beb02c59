/**
 * The model file: one safetensors file with a model's tensors under PyTorch's names, as float32, and in its metadata one JSON
 * configuration: what task it does, how it is built, its vocabulary and normalisation, how it was trained. Loading a model
 * runs no code of it. Tasks bring a schema for their configuration; what they need for the whole is here.
 */
import * as v from 'valibot';
import { openFile, readBytes, writeAtomically } from '#files';
import { checksumOf } from '../interop/checksum.ts';
import { formatSafetensors, type Metadata, openSafetensors, parseSafetensors } from '../interop/safetensors.ts';
import type { StateDict } from '../nn/module.ts';
import { FormatError } from '../tensor/errors.ts';
import { parseWith } from './schema.ts';

/** The version of the configuration that is written, and the newest that is read. */
export const modelFormatVersion = 1;

const configKey = 'unrolled';
const checksumKey = 'unrolled.checksum';

/**
 * What every model's configuration has. A task's own schema adds to it:
 *
 * @example v.object({ ...modelConfigEntries, task: v.literal('tagging'), architecture: v.object({ hiddenSize: v.number() }) })
 */
export const modelConfigEntries = {
  // such as "language-model"
  task: v.string(),
  // what the model is built from: sizes, kinds, options
  architecture: v.record(v.string(), v.unknown()),
  // what integers stand for: characters, words, classes
  vocabulary: v.optional(v.unknown()),
  // how inputs are scaled
  normalization: v.optional(v.unknown()),
  // where the weights come from: data, seed, steps, results
  training: v.optional(v.record(v.string(), v.unknown())),
};

const anyModelSchema = v.looseObject(modelConfigEntries);

/** The configuration that every model file has; a task's own says more. */
export type ModelConfig = v.InferOutput<typeof anyModelSchema>;

/** A model in pieces: what it is, and its weights. */
export interface ModelFile<C = ModelConfig> {
  readonly config: C;
  readonly tensors: StateDict;
}

/** A model as bytes: the same for the same content. */
export function formatModel(model: ModelFile<object>): Uint8Array<ArrayBuffer> {
  const tensors: StateDict = new Map([...model.tensors].map(([name, { shape, values }]) => [name, { shape, values: asFloat32(values) }]));
  const config = JSON.stringify({ version: modelFormatVersion, ...model.config });
  return formatSafetensors(tensors, { format: 'pt', [configKey]: config, [checksumKey]: checksumOf(tensors, config) });
}

/**
 * @param schema  of the task's configuration; without it any model will do
 * @param file    what errors call it
 * @throws FormatError  when this is no model, a damaged one, one of another task, or one of a newer Unrolled
 */
export function parseModel(bytes: Uint8Array, schema?: undefined, file?: string): ModelFile;
export function parseModel<S extends v.GenericSchema>(bytes: Uint8Array, schema: S, file?: string): ModelFile<v.InferOutput<S>>;
export function parseModel(bytes: Uint8Array, schema: v.GenericSchema = anyModelSchema, file?: string): ModelFile<unknown> {
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const config = parseConfig(metadata, schema, file);
  if (metadata[checksumKey] !== checksumOf(tensors, metadata[configKey])) {
    throw new FormatError('the content does not match its checksum: the file was damaged or changed. Take a copy that is whole.', { file });
  }
  return { config, tensors };
}

/** Writes a model whole or not at all. @throws FileError when it cannot be written; an older file is as it was */
export async function saveModel(path: string, model: ModelFile<object>): Promise<void> {
  await writeAtomically(path, formatModel(model));
}

/** As `parseModel`, from a file. @throws FileError when it cannot be read */
export async function loadModel(path: string): Promise<ModelFile>;
export async function loadModel<S extends v.GenericSchema>(path: string, schema: S): Promise<ModelFile<v.InferOutput<S>>>;
export async function loadModel(path: string, schema?: v.GenericSchema): Promise<ModelFile<unknown>> {
  return parseModel(await readBytes(path), schema ?? anyModelSchema, path);
}

/** The configuration alone: a few kilobytes are read, however large the model is. */
export async function readModelConfig(path: string): Promise<ModelConfig> {
  const file = await openFile(path);
  try {
    return parseConfig((await openSafetensors(file)).metadata, anyModelSchema, path) as ModelConfig;
  } finally {
    await file.close();
  }
}

function parseConfig(metadata: Metadata, schema: v.GenericSchema, file: string | undefined): unknown {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file });
  };
  const text = metadata[configKey];
  if (text === undefined) throw new FormatError('these are tensors without a configuration: not a model that Unrolled saved.', { file });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`configuration: expected JSON: ${(cause as Error).message}.`, { file }, { cause });
  }
  const { version } = parseWith(v.looseObject({ version: v.pipe(v.number(), v.integer(), v.minValue(1)) }), json, refuse);
  if (version > modelFormatVersion) {
    throw new FormatError(
      `this model was made by a newer Unrolled: its format is ${version}, this one reads up to ${modelFormatVersion}. Update with: npm install unrolled@latest`,
      { file },
    );
  }
  const { version: _, ...config } = json as Record<string, unknown>;
  return parseWith(schema, config, refuse);
}

function asFloat32<A extends Float32Array | Float64Array | Int32Array>(values: A): Float32Array | Int32Array {
  return values instanceof Float64Array ? Float32Array.from(values) : values;
}
