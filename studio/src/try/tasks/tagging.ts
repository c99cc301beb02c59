/** A tag for each word. */
import { type SentenceTags, taggerFrom, tagText, textOf } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export const task: TryTask<string, SentenceTags[]> = {
  open(file): OpenModel<string, SentenceTags[]> {
    const tagger = taggerFrom(file);
    const { tags, scheme } = tagger.encoder.vocabulary;
    return {
      facts: [...factsOf(file), [scheme === null ? 'tags' : `tags (${scheme})`, tags.length > 18 ? String(tags.length) : tags.join(' ')]],
      async ask(text) {
        const sentences: SentenceTags[] = [];
        for await (const { sentence } of tagText(tagger, textOf(text), { inputFormat: 'text', tokenize: true }))
          if (sentence !== null) sentences.push(sentence);
        return sentences;
      },
    };
  },
};
