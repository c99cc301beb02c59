/**
 * A checkpoint: everything that decides how a training goes on, as one safetensors file. Numbers and names are JSON in its
 * metadata, arrays are tensors, a checksum covers both.
 */
import * as v from 'valibot';
import { checksumOf } from '../interop/checksum.ts';
import { formatSafetensors, parseSafetensors } from '../interop/safetensors.ts';
import type { StateDict } from '../nn/module.ts';
import { FormatError } from '../tensor/errors.ts';
import { parseWith } from './schema.ts';

/** Grows with every change that older code cannot read. */
const version = 1;

const stateKey = 'unrolled.checkpoint';
const checksumKey = 'unrolled.checksum';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const word = v.pipe(count, v.maxValue(0xffffffff));
const metrics = v.record(v.string(), v.nullable(v.number()));

const stateSchema = v.lazy(() =>
  v.object({
    version: v.literal(version),
    step: count,
    batches: v.object({ epoch: count, index: count }),
    optimizer: v.object({ kind: v.string(), steps: count, learningRate: v.nullable(v.number()) }),
    /** Streams of random numbers by name. */
    randoms: v.record(v.string(), v.object({ seed: v.tuple([word, word]), counter: count })),
    /** How many tensors are carried from step to step; null: none yet. */
    carried: v.nullable(count),
    average: v.nullable(v.object({ updates: count })),
    plateau: v.nullable(v.object({ best: v.nullable(v.number()), badUpdates: count, cooldownLeft: count })),
    best: v.nullable(v.object({ step: count, metrics })),
    /** Validations since the best one. */
    badValidations: count,
    /** Where the last validation and sample were. */
    validated: v.object({ step: count, epoch: count }),
    sampled: count,
    /** Where events.jsonl stood. */
    logBytes: count,
  }),
);

export type CheckpointState = Omit<v.InferOutput<typeof stateSchema>, 'version'>;

export interface Checkpoint {
  readonly state: CheckpointState;
  /** `model/…`, `optimizer/…`, `carried/…`, `average`. */
  readonly tensors: StateDict;
}

export function formatCheckpoint({ state, tensors }: Checkpoint): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify({ version, ...state });
  return formatSafetensors(tensors, { [stateKey]: text, [checksumKey]: checksumOf(tensors, text) });
}

/** @throws FormatError when it is damaged, or of another version */
export function parseCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const state = parseState(metadata[stateKey], file);
  if (metadata[checksumKey] !== checksumOf(tensors, metadata[stateKey])) {
    throw new FormatError('the content does not match its checksum: the file is damaged.', { file });
  }
  return { state, tensors };
}

function parseState(text: string | undefined, file: string): CheckpointState {
  if (text === undefined) throw new FormatError('this is not a checkpoint of a training.', { file });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`expected a state of JSON: ${(cause as Error).message}.`, { file }, { cause });
  }
  const refuse = (message: string): never => {
    throw new FormatError(`state: ${message}.`, { file });
  };
  return parseWith(stateSchema, json, refuse);
}

/** Tensors whose names begin with `prefix`, without it. */
export function tensorsUnder(tensors: StateDict, prefix: string): StateDict {
  return new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, entry]) => [name.slice(prefix.length), entry]));
}
