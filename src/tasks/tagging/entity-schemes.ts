/** Ways to write entities as tags: which one data use, and from one to another. */
import type { EntityScheme } from '../../nn/crf-constraints.ts';
import { type Entity, entitiesIn, splitTag } from '../metrics/entities.ts';

export const entitySchemes = ['BIO', 'IOB1', 'BIOES'] as const satisfies readonly EntityScheme[];

/**
 * The scheme of a column of tags; null when its tags are not entities: something else than O and B-, I-, E- or S- with a type
 * is among them, or there is no entity at all.
 *
 * E- or S- tell BIOES; an I- that begins an entity tells IOB1.
 */
export function schemeOf(sentences: Iterable<readonly string[]>): EntityScheme | null {
  let hasEntities = false;
  let scheme: EntityScheme = 'BIO';
  for (const tags of sentences) {
    let before = { prefix: 'O', type: '' };
    for (const tag of tags) {
      const now = splitTag(tag);
      if (tag !== 'O') {
        if (!/^[BIES]$/.test(now.prefix) || now.type === '') return null;
        hasEntities = true;
        if (now.prefix === 'E' || now.prefix === 'S') scheme = 'BIOES';
        else if (scheme === 'BIO' && now.prefix === 'I' && (before.prefix === 'O' || before.type !== now.type)) scheme = 'IOB1';
      }
      before = now;
    }
  }
  return hasEntities ? scheme : null;
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
    for (let i = start; i < end; i++) converted[i] = `${prefixOf(scheme, i - start, end - start, touches)}-${type}`;
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
