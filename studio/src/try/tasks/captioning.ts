/** What a picture shows, in words, and where each word looked. */
import { captionerFrom, captionPictures, resizeImage } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Question {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] row-major, 0…255. */
  readonly rgb: Uint8Array;
}

export interface Answer {
  readonly captions: readonly {
    readonly caption: string;
    readonly probability: number;
    readonly tokens: readonly string[];
    /** Of each token a share of each place of a square grid, row by row. */
    readonly attention: readonly Float32Array[];
  }[];
}

export const task: TryTask<Question, Answer> = {
  open(file): OpenModel<Question, Answer> {
    const captioner = captionerFrom(file);
    const { input } = captioner.model.architecture;
    return {
      about: { readsImages: input.kind === 'images' },
      facts: [
        ...factsOf(file),
        ['reads', input.kind === 'images' ? `pictures of ${input.size} × ${input.size}` : `vectors of ${input.featureSize}`],
      ],
      async ask(picture) {
        if (input.kind !== 'images')
          throw new Error('This captioner reads vectors that another network made of pictures; only the command line can give it those.');
        const [{ captions }] = await captionPictures(captioner, [resizeImage(picture, input.size)], { nBest: 3 });
        return { captions };
      },
    };
  },
};
