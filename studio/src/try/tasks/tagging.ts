/** A tag for each word. */
import { type SentenceTags, splitTag, taggerFrom, tagText, textOf } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export const task: TryTask<string, SentenceTags[]> = {
  open(file): OpenModel<string, SentenceTags[]> {
    const tagger = taggerFrom(file);
    const { tags, scheme } = tagger.encoder.vocabulary;
    // Of entities, what the model's own scheme puts before their types says nothing of what comes out.
    const told = scheme === null ? tags : [...new Set(tags.filter((tag) => tag !== 'O').map((tag) => splitTag(tag).type || 'of one type'))];
    return {
      facts: [
        ...factsOf(file),
        [scheme === null ? 'tags' : `entities (${scheme})`, told.length > 18 ? String(told.length) : told.join(' ')],
      ],
      async ask(text) {
        const sentences: SentenceTags[] = [];
        for await (const { sentence } of tagText(tagger, textOf(text), { inputFormat: 'text', tokenize: true }))
          if (sentence !== null) sentences.push(sentence);
        return sentences;
      },
    };
  },
};
