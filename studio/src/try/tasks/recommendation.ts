/** What somebody takes next. */
import { type RankedItem, recommend, recommenderFrom, textOf } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Answer {
  readonly items: readonly RankedItem[];
  readonly unknown: readonly string[];
  readonly isCold: boolean;
}

/** Names that the field proposes; a catalogue may have a hundred thousand. */
const proposed = 2000;

export const task: TryTask<readonly string[], Answer> = {
  open(file): OpenModel<readonly string[], Answer> {
    const saved = recommenderFrom(file);
    const { catalogue } = saved;
    return {
      about: { items: Array.from({ length: Math.min(proposed, catalogue.size) }, (_, id) => catalogue.name(id)) },
      facts: [...factsOf(file), ['items', catalogue.size.toLocaleString('en')]],
      async ask(history) {
        for await (const { items, unknown, isCold } of recommend(saved, textOf(`${history.join(' ')}\n`), { k: 10 }))
          return { items, unknown, isCold };
        return { items: [], unknown: [], isCold: true };
      },
    };
  },
};
