/** What a chain of tags may look like: masks for any chain, and those of the usual ways to tag entities. */
import { type Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';

/** 1 where a path may, 0 where it may not. C: number of tags. */
export interface CrfConstraints {
  /** Begin with a tag. [C] */
  readonly starts: Uint8Array;
  /** Go from a tag to the next. [C, C]: from, to */
  readonly transitions: Uint8Array;
  /** End with a tag. [C] */
  readonly ends: Uint8Array;
}

/**
 * - `BIO` (IOB2): an entity is B-x, then I-x as often as it is long.
 * - `IOB1`: as BIO, but an entity begins with I-x, except right after another of its kind, where it begins with B-x.
 * - `BIOES`: an entity is S-x, or B-x, then I-x any number of times, then E-x.
 */
export type EntityScheme = 'BIO' | 'IOB1' | 'BIOES';

const prefixes: Readonly<Record<EntityScheme, string>> = { BIO: 'BI', IOB1: 'BI', BIOES: 'BIES' };

/**
 * The constraints of a tagging scheme.
 *
 * @param labels  the tags in order: "O", or a prefix of the scheme, alone ("B") or with "-" and a kind ("B-PER")
 * @throws ConfigError when a label is neither
 * @example entityConstraints(['O', 'B-PER', 'I-PER'], 'BIO').transitions; // 0 only from O to I-PER
 */
export function entityConstraints(labels: readonly string[], scheme: EntityScheme): CrfConstraints {
  const tags = labels.map((label) => parseLabel(label, scheme));
  const outside: EntityTag = { prefix: 'O', kind: '' };
  const mayFollow = (before: EntityTag, after: EntityTag) => (follows[scheme](before, after) ? 1 : 0);
  return {
    starts: Uint8Array.from(tags, (tag) => mayFollow(outside, tag)),
    transitions: Uint8Array.from({ length: tags.length ** 2 }, (_, ij) =>
      mayFollow(tags[Math.floor(ij / tags.length)], tags[ij % tags.length]),
    ),
    ends: Uint8Array.from(tags, (tag) => mayFollow(tag, outside)),
  };
}

interface EntityTag {
  readonly prefix: string;
  readonly kind: string;
}

function parseLabel(label: string, scheme: EntityScheme): EntityTag {
  if (label === 'O') return { prefix: 'O', kind: '' };
  const isPrefix = label.length === 1 || label[1] === '-';
  if (isPrefix && prefixes[scheme].includes(label[0])) return { prefix: label[0], kind: label.slice(2) };
  const known = [...prefixes[scheme]].map((prefix) => `"${prefix}", "${prefix}-…"`).join(', ');
  throw new ConfigError(`[entityConstraints] expected labels of ${scheme}: "O", ${known}; received "${label}".`);
}

/** Beginnings and ends are as after and before an O. */
const follows: Readonly<Record<EntityScheme, (before: EntityTag, after: EntityTag) => boolean>> = {
  BIO: (before, after) => after.prefix !== 'I' || (before.prefix !== 'O' && before.kind === after.kind),
  IOB1: (before, after) => after.prefix !== 'B' || (before.prefix !== 'O' && before.kind === after.kind),
  BIOES: (before, after) => {
    const isOpen = 'BI'.includes(before.prefix);
    return isOpen === 'IE'.includes(after.prefix) && (!isOpen || before.kind === after.kind);
  },
};

/** Constraints as what adds to scores: 0 where allowed, −∞ where not. */
export interface Barriers {
  readonly starts: Tensor; // [C]
  readonly transitions: Tensor; // [C, C]
  readonly ends: Tensor; // [C]
}

const known = new WeakMap<CrfConstraints, Map<Backend, Barriers>>();

/**
 * The barriers of constraints, made once for each backend: constraints are not to change.
 *
 * @throws ShapeError when they are not of C tags
 */
export function barriersOf(allowed: CrfConstraints, C: number, backend: Backend): Barriers {
  const sizes = [allowed.starts.length, allowed.transitions.length, allowed.ends.length];
  if (sizes[0] !== C || sizes[1] !== C * C || sizes[2] !== C) {
    throw new ShapeError(
      `[LinearChainCrf] expected constraints of ${C}, ${C * C} and ${C} elements (starts, transitions, ends), received ${sizes.join(', ')}.`,
    );
  }
  const ofBackend = known.get(allowed) ?? new Map<Backend, Barriers>();
  known.set(allowed, ofBackend);
  let barriers = ofBackend.get(backend);
  if (barriers === undefined) {
    const barrier = (mask: Uint8Array, shape: readonly number[]) =>
      tensor(
        Float32Array.from(mask, (may) => (may ? 0 : Number.NEGATIVE_INFINITY)),
        { shape, backend },
      );
    barriers = {
      starts: barrier(allowed.starts, [C]),
      transitions: barrier(allowed.transitions, [C, C]),
      ends: barrier(allowed.ends, [C]),
    };
    ofBackend.set(backend, barriers);
  }
  return barriers;
}
