import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '../autograd/tensor.ts';
import { formatArpa } from '../data/text/arpa.ts';
import { CharTokenizer } from '../data/text/char-tokenizer.ts';
import { estimateNgrams } from '../data/text/kneser-ney.ts';
import { ctcBeamSearch } from '../decode/ctc-beam-search.ts';
import { ConfigError, FormatError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { LanguageModel } from './language-model/model.ts';
import { saveLanguageModel } from './language-model/saved.ts';
import { type SearchFlags, textSearch } from './text-search.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-text-search-'));
afterAll(() => rmSync(folder, { recursive: true }));
const symbols = ['', ' ', 'a', 'e', 's', 't'];
const classes = { symbols, areCharacters: true };

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Frames that are sure of each letter, but for those in brackets: of these the first is a little likelier. */
function frames(text: string) {
  const rows: number[][] = [];
  for (const [, alike, letter] of text.matchAll(/\[(.+?)\]|(.)/g)) {
    const row = symbols.map(() => -9);
    [...(alike ?? letter)].forEach((symbol, i) => {
      row[symbols.indexOf(symbol)] = 3 - 0.2 * i;
    });
    rows.push(row, [9, ...symbols.slice(1).map(() => 0)]); // and a blank
  }
  return tensor(rows.flat(), { shape: [1, rows.length, symbols.length] });
}

async function read(text: string, flags: SearchFlags): Promise<string> {
  const { beamWidth, scorer, insertionBonus } = await textSearch(classes, { beamWidth: 8, ...flags });
  const [[best]] = ctcBeamSearch(frames(text), { beamWidth, scorer, insertionBonus });
  return best.symbols.map((symbol) => symbols[symbol]).join('');
}

// Letters that are words are no sign of a model of characters.
const words = ['e s t', 'tea', 'east', 'sat', 'a', 'tea sat', 'east sat'];
const ofWords = file(
  'words.arpa',
  formatArpa(
    estimateNgrams(
      words.map((line) => line.split(' ')),
      { order: 2 },
    ),
  ),
);
const spelled = words.map((line) => [...line].map((letter) => (letter === ' ' ? '<space>' : letter)));
const ofCharacters = file('characters.arpa', formatArpa(estimateNgrams(spelled, { order: 3 })));
const lexicon = file('lexicon.txt', 'tea\t1\neast\nsat\n');

describe('textSearch', () => {
  it('believes its ears alone', async () => {
    expect(await read('t[ea][ae] s[te][at]t', {})).toBe('tea stat');
  });

  it('writes only words of a lexicon', async () => {
    expect(await read('t[ea]a s[ea]t', {})).toBe('tea set');
    expect(await read('t[ea]a s[ea]t', { lexicon })).toBe('tea sat');
    expect(await read('[ae]a[ts]t', { lexicon })).toBe('east');
  });

  it('prefers what a model of words or of characters does', async () => {
    expect(await read('tea s[ea]t', {})).toBe('tea set');
    expect(await read('tea s[ea]t', { languageModel: ofWords, lmWeight: 1 })).toBe('tea sat');
    expect(await read('tea s[ea]t', { languageModel: ofCharacters, lmWeight: 1 })).toBe('tea sat');
    expect(await read('tea s[ea]t', { languageModel: ofCharacters, lexicon, lmWeight: 1, wordBonus: 1 })).toBe('tea sat');
    expect(await read('tea s[ea]t', { languageModel: ofWords, lmWeight: 0 })).toBe('tea set');
  });

  it('asks a model that Unrolled trained', async () => {
    const path = join(folder, 'letters.safetensors');
    const tokenizer = new CharTokenizer(['\n', ...symbols.slice(1)]);
    const model = new LanguageModel({
      cell: 'lstm',
      vocabularySize: tokenizer.size,
      embeddingSize: 4,
      hiddenSize: 4,
      numLayers: 1,
      dropout: 0,
      embeddingDropout: 0,
      tieWeights: false,
      softmax: 'full',
      samples: 1024,
      cutoffs: [],
      rng: new Random(1),
    });
    // Whatever came before: "e" is rare, "a" is frequent.
    const bias = model.namedParameters().get('decoder.bias')!;
    bias.assign(Array.from({ length: tokenizer.size }, (_, id) => ({ a: 4, e: -4 })[tokenizer.decode([id])] ?? 0));
    await saveLanguageModel(path, model, tokenizer);
    expect(await read('s[ea]t', { languageModel: path, lmWeight: 1 })).toBe('sat');
    expect(await read('s[ea]t', { languageModel: path, lmWeight: 0 })).toBe('set');
  });

  it('is greedy, unless something is to be asked', async () => {
    expect(await textSearch(classes, {})).toMatchObject({ beamWidth: 1, scorer: null });
    expect(await textSearch(classes, { lexicon })).toMatchObject({ beamWidth: 16 });
  });

  it('says what is wrong', async () => {
    const refused = async (flags: SearchFlags, message: string, kind: typeof ConfigError | typeof FormatError, given = classes) => {
      const failure = await textSearch(given, flags).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(kind);
      expect((failure as Error).message).toContain(message);
    };
    await refused({ lmWeight: 1 }, 'lmWeight: expected a languageModel with it, received none.', ConfigError);
    await refused({ lexicon }, 'lexicon: expected a recogniser of characters', ConfigError, { symbols: ['', 'one'], areCharacters: false });
    await refused({ lexicon }, 'expected a recogniser that knows blanks between words', ConfigError, {
      ...classes,
      symbols: ['', 'a', 'b'],
    });
    await refused({ lexicon: file('none.txt', '\n') }, 'none.txt, line 1: expected words, one a line, found none.', FormatError);
    await refused({ lexicon: file('foreign.txt', 'tea\nzoo\n') }, 'the word "zoo" of the lexicon cannot be written', ConfigError);
    await refused({ languageModel: lexicon }, 'lexicon.txt', FormatError);
    const unblanked = file('unblanked.arpa', formatArpa(estimateNgrams([['a', 'e', 's', 't']], { order: 2 })));
    await refused({ languageModel: unblanked }, 'expected a model of characters to know the blank between words', FormatError, {
      ...classes,
      symbols: ['', ' ', 'a', 'e', 's', 't', 'a'],
    });
    await refused({ languageModel: ofWords }, 'found one that knows none of them', FormatError, {
      symbols: ['', 'HH', 'OW'],
      areCharacters: false,
    });
  });
});
