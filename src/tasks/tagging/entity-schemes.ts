/** Ways to write entities as tags: which one data use, and from one to another. */
import type { EntityScheme } from '../../nn/crf-constraints.ts';
import { type Entity, entitiesIn, joinTag, splitTag } from '../metrics/entities.ts';

export const entitySchemes = ['BIO', 'IOB1', 'BIOES'] as const satisfies readonly EntityScheme[];

/**
 * The scheme of a column of tags; null when its tags are not entities: something else than O and B, I, E or S, each alone or
 * before a hyphen and a type, is among them, or there is no entity at all. Single letters may be any other tags too: those alone
 * are entities where O, and B or I, are among them.
 *
 * E- or S- tell BIOES. Between the others what most entities begin with tells, those right after one of their type left out: B- in
 * BIO, I- in IOB1. A slip of an annotator is then no other scheme.
 */
export function schemeOf(sentences: Iterable<readonly string[]>): EntityScheme | null {
  const beginnings = { B: 0, I: 0 };
  const seen = new Set<string>();
  for (const tags of sentences) {
    let before = { prefix: 'O', type: '' };
    for (const tag of tags) {
      const now = splitTag(tag);
      if (!/^(O|[BIES](-.+)?)$/.test(tag)) return null;
      seen.add(tag);
      const begins = tag !== 'O' && (before.prefix === 'O' || before.type !== now.type);
      if (begins && (now.prefix === 'B' || now.prefix === 'I')) beginnings[now.prefix]++;
      before = now;
    }
  }
  const tags = [...seen].filter((tag) => tag !== 'O');
  if (tags.length === 0) return null;
  const isWithoutTypes = tags.some((tag) => tag.length === 1);
  if (isWithoutTypes && !(seen.has('O') && (seen.has('B') || seen.has('I')))) return null;
  if (tags.some((tag) => /^[ES]/.test(tag))) return 'BIOES';
  return beginnings.I > 0 && beginnings.I >= beginnings.B ? 'IOB1' : 'BIO';
}

/** Numbers of the tags that an entity begins with, and that stand nowhere else in it; none in IOB1, whose I- does both. */
export function beginningsOf(tags: readonly string[], scheme: EntityScheme): number[] {
  if (scheme === 'IOB1') return [];
  return tags.flatMap((tag, id) => (['B', 'S'].includes(splitTag(tag).prefix) ? [id] : []));
}

/** A sentence's tags in another scheme. What no scheme allows is repaired on the way, as conlleval reads it. */
export function convertTags(tags: readonly string[], scheme: EntityScheme): string[] {
  const converted = tags.map(() => 'O');
  let before: Entity | null = null;
  for (const entity of entitiesIn(tags)) {
    const { start, end, type } = entity;
    const touches = before !== null && before.end === start && before.type === type;
    for (let i = start; i < end; i++) converted[i] = joinTag(prefixOf(scheme, i - start, end - start, touches), type);
    before = entity;
  }
  return converted;
}

/** @param touches whether an entity of the same type ends just before this one */
function prefixOf(scheme: EntityScheme, position: number, length: number, touches: boolean): string {
  const isFirst = position === 0;
  switch (scheme) {
    case 'BIO':
      return isFirst ? 'B' : 'I';
    case 'IOB1':
      return isFirst && touches ? 'B' : 'I';
    case 'BIOES':
      if (length === 1) return 'S';
      return isFirst ? 'B' : position === length - 1 ? 'E' : 'I';
    default:
      throw new Error(`unreachable: ${scheme satisfies never}`);
  }
}
