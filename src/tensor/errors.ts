/**
 * The kinds of error that Unrolled throws. Each says what was given, what was expected and what to do; the facts are
 * fields too, so that code need not read the sentence.
 */

/** A tensor of the wrong shape. The message names the operation, the shape received and the shape expected. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** An option out of range, unknown, or in conflict with another. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Where in a file the fault is; every field that is known. */
export interface FileLocation {
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based, in characters. */
  readonly column?: number;
  /** 0-based offset in bytes. */
  readonly byte?: number;
  /** Name of the tensor at fault, in a model file. */
  readonly tensor?: string;
}

/** A file or text that is not what it should be. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly location: FileLocation;

  constructor(message: string, location: FileLocation = {}, options?: ErrorOptions) {
    const place = [
      location.file,
      location.line === undefined ? undefined : `line ${location.line}`,
      location.column === undefined ? undefined : `column ${location.column}`,
      location.byte === undefined ? undefined : `byte ${location.byte}`,
      location.tensor === undefined ? undefined : `tensor "${location.tensor}"`,
    ].filter((part) => part !== undefined);
    super(place.length > 0 ? `${place.join(', ')}: ${message}` : message, options);
    this.location = location;
  }
}

/** A backend that cannot be had here, ran out of memory, or was given tensors of another backend. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
}

/** A loss or gradient that became NaN or infinite. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';
  readonly step: number;
  readonly tensor: string;
  /** The last good checkpoint, where a training has written one. */
  readonly checkpoint: string | undefined;

  constructor(message: string, facts: { step: number; tensor: string; checkpoint?: string }, options?: ErrorOptions) {
    super(message, options);
    this.step = facts.step;
    this.tensor = facts.tensor;
    this.checkpoint = facts.checkpoint;
  }
}

/** A file or folder that cannot be read, written or made: missing, not allowed, no space left. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly file: string;
  /** The system's code, such as ENOSPC. */
  readonly code: string | undefined;

  constructor(message: string, facts: { file: string; code?: string }, options?: ErrorOptions) {
    super(`${facts.file}: ${message}`, options);
    this.file = facts.file;
    this.code = facts.code;
  }
}

/** The entry of `known` that is nearest to `given` by edit distance, for "did you mean" in messages. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const scored = known
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best !== undefined && best.distance <= Math.max(2, given.length / 3) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(row[j - 1] + 1, previous[j] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length];
}

/** The sentence for an unknown name: `unknown cell "lsmt"; did you mean "lstm"? Known: rnn, lstm, gru.` */
export function unknownName(kind: string, given: string, known: readonly string[]): string {
  const near = nearest(given, known);
  return `unknown ${kind} "${given}"${near === undefined ? '.' : `; did you mean "${near}"?`} Known: ${known.join(', ')}.`;
}
