/** More sentences to learn entities from: those that there are, with other entities of the same types in the places of theirs. */
import type { Random } from '../../tensor/random.ts';
import { entitiesIn, joinTag } from '../metrics/entities.ts';
import type { TaggedSentence } from './evaluate.ts';

/** How often an entity is replaced: the largest rate that Dai & Adel try, for what stands in a sentence as it was is there already. */
const replacedShare = 0.7;

/**
 * Copies of the sentences that have entities. Names then say less about their type than what stands around them, which is what is
 * left to go by where the names of new texts are unseen.
 *
 * Each different entity of a type, whatever its capitals, is as likely as another. It brings the fields of its own lines along.
 *
 * @param copies  of each sentence
 * @returns       copies alone, tags in any mixture of schemes that `entitiesIn` reads
 * @see Dai & Adel (2020), mention replacement, arXiv:2010.11683
 */
export function withMentionsReplaced(sentences: readonly TaggedSentence[], copies: number, rng: Random): TaggedSentence[] {
  const entities = sentences.map(({ tags }) => entitiesIn(tags));
  const byType = new Map<string, Map<string, TaggedSentence>>();
  sentences.forEach((sentence, s) => {
    for (const { type, start, end } of entities[s]) {
      const known = byType.get(type) ?? new Map<string, TaggedSentence>();
      byType.set(type, known);
      const spelled = sentence.words.slice(start, end).join(' ').toLowerCase();
      if (!known.has(spelled)) known.set(spelled, mention(sentence, start, end, type));
    }
  });
  const mentions = new Map([...byType].map(([type, known]) => [type, [...known.values()]]));
  const copy = (sentence: TaggedSentence, s: number): TaggedSentence => {
    const parts: TaggedSentence[] = [];
    let at = 0;
    for (const { type, start, end } of entities[s]) {
      const others = mentions.get(type)!;
      const isReplaced = rng.uniform() < replacedShare;
      parts.push(part(sentence, at, start), isReplaced ? others[rng.integer(others.length)] : mention(sentence, start, end, type));
      at = end;
    }
    return joined([...parts, part(sentence, at, sentence.words.length)]);
  };
  return Array.from({ length: copies }, () =>
    sentences.flatMap((sentence, s) => (entities[s].length === 0 ? [] : [copy(sentence, s)])),
  ).flat();
}

function part({ words, fields, tags }: TaggedSentence, start: number, end: number): TaggedSentence {
  return { words: words.slice(start, end), fields: fields?.slice(start, end) ?? null, tags: tags.slice(start, end) };
}

/** Written as BIO has it: how IOB1 writes it depends on what stands before. */
function mention(sentence: TaggedSentence, start: number, end: number, type: string): TaggedSentence {
  const { words, fields } = part(sentence, start, end);
  return { words, fields, tags: words.map((_, i) => joinTag(i === 0 ? 'B' : 'I', type)) };
}

function joined(parts: readonly TaggedSentence[]): TaggedSentence {
  const isFromFile = parts.every(({ fields }) => fields !== null);
  return {
    words: parts.flatMap(({ words }) => words),
    fields: isFromFile ? parts.flatMap(({ fields }) => fields!) : null,
    tags: parts.flatMap(({ tags }) => tags),
  };
}
