import { expect, test } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { type CaptionFormat, readCaptions } from './read-captions.ts';

const read = (text: string, name = 'captions.csv', format: CaptionFormat = {}) => readCaptions(textOf(text, name), format);

test('a table: several captions an image, splits, other columns', async () => {
  const images = await read('image,note,caption,split\na.png,x,"A cat, asleep",train\nb.jpg,,A dog,val\na.png,y,  The cat ,train\n');
  expect(images).toEqual([
    { image: 'a.png', captions: ['A cat, asleep', 'The cat'], split: 'train', file: 'captions.csv', line: 2 },
    { image: 'b.jpg', captions: ['A dog'], split: 'val', file: 'captions.csv', line: 3 },
  ]);
  const named = await read('path\ttext\na.png\tA cat\n', 'captions.tsv', { imageColumn: 'path', captionColumn: 'text' });
  expect(named).toEqual([{ image: 'a.png', captions: ['A cat'], split: null, file: 'captions.tsv', line: 2 }]);
});

test('JSON as Karpathy’s, with sentences as texts or words, in folders', async () => {
  const json = JSON.stringify({
    dataset: 'flickr8k',
    images: [
      {
        filename: '1.jpg',
        filepath: 'val2014',
        split: 'val',
        imgid: 0,
        sentences: [{ raw: 'A cat. ', tokens: ['a', 'cat'] }, { tokens: ['two', 'cats'] }],
      },
      { filename: '2.jpg', sentences: ['A dog'] },
    ],
  });
  expect(await read(json, 'dataset.json')).toEqual([
    { image: 'val2014/1.jpg', captions: ['A cat.', 'two cats'], split: 'val', file: 'dataset.json', line: null },
    { image: '2.jpg', captions: ['A dog'], split: null, file: 'dataset.json', line: null },
  ]);
});

test.each([
  ['an empty file', '', 'captions.csv, line 1, column 1: expected a table, received an empty file'],
  ['names alone', 'image,caption\n', 'captions.csv: expected images and their captions, received none'],
  ['no column of images', 'photo,caption\na.png,A cat\n', 'captions.csv, line 1, column 1: unknown column "image"'],
  [
    'no column of captions',
    'image,captions\na.png,A cat\n',
    'did you mean "captions"? Known: image, captions. The first row names the columns; say with captionColumn',
  ],
  [
    'an empty caption',
    'image,caption\na.png,A cat\nb.png, \n',
    'captions.csv, line 3, column 7: expected a caption, received an empty field',
  ],
  [
    'an image without a name',
    'image,caption\n,A cat\n',
    'captions.csv, line 2, column 1: expected the name of an image, received an empty field',
  ],
  [
    'an empty split',
    'image,split,caption\na.png,,A cat\n',
    'captions.csv, line 2, column 7: expected train, val or test, received an empty field',
  ],
  [
    'an image in two splits',
    'image,split,caption\na.png,train,A cat\nb.png,val,A dog\na.png,test,The cat\n',
    'captions.csv, line 4, column 7: image "a.png" is in the split "train" in line 2 and in "test" here',
  ],
  [
    'a row with a field too many',
    'image,caption\na.png,A cat, asleep\n',
    'captions.csv, line 2, column 13: expected 2 fields, as in the first row, received 3',
  ],
  [
    'a quote that is not closed',
    'image,caption\na.png,"A cat\n',
    'captions.csv, line 2, column 7: a field begins with a quote here, and the quote is not closed',
  ],
  ['a column twice', 'image,caption,image\na.png,A cat,b.png\n', 'expected columns of different names, received "image" as column 1 and 3'],
])('refuses a table with %s', async (_, text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test.each([
  ['cut off', '{"images": [{"filename": "1.jpg"', 'dataset.json, line 1, column 33: expected JSON; the file ends before it does'],
  ['with a comma too many', '{"images": [\n  {"filename": "1.jpg",}\n]}', 'dataset.json, line 2, column 24: expected JSON; found "}'],
  ['that is a list', '[]', 'the file: expected an object, found []'],
  ['without images', '{"annotations": []}', 'found nothing as "images"'],
  ['of no images', '{"images": []}', 'dataset.json: expected images and their captions, received none'],
  ['with an image that is a name', '{"images": ["1.jpg"]}', 'images[0]: expected an object, found "1.jpg"'],
  ['with an image without a name', '{"images": [{"sentences": ["A cat"]}]}', 'images[0]: expected a name as "filename", found nothing'],
  [
    'with an image twice',
    '{"images": [{"filename": "1.jpg", "sentences": ["A"]}, {"filename": "1.jpg", "sentences": ["B"]}]}',
    'images[1]: image "1.jpg" has been named already, as images[0]',
  ],
  [
    'with a split that is a number',
    '{"images": [{"filename": "1.jpg", "split": 3, "sentences": ["A"]}]}',
    'images[0] ("1.jpg"): expected a name as "split", found 3',
  ],
  [
    'without sentences',
    '{"images": [{"filename": "1.jpg"}]}',
    'images[0] ("1.jpg"): expected a list of captions as "sentences", found nothing',
  ],
  [
    'with a sentence that is a number',
    '{"images": [{"filename": "1.jpg", "sentences": [7]}]}',
    'images[0].sentences[0] ("1.jpg"): expected an object, found 7',
  ],
  [
    'with a sentence of neither text nor words',
    '{"images": [{"filename": "1.jpg", "sentences": [{"sentid": 7}]}]}',
    'expected a caption as "raw", or its words as "tokens", found nothing',
  ],
  [
    'with an empty sentence',
    '{"images": [{"filename": "1.jpg", "sentences": [{"raw": " "}]}]}',
    'images[0].sentences[0] ("1.jpg"): expected a caption, found an empty one',
  ],
])('refuses JSON %s', async (_, text, message) => {
  await expect(read(text, 'dataset.json')).rejects.toThrow(message);
});
