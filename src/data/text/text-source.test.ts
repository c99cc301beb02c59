import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { readCorpus, readTokens } from './corpus.ts';
import { type TextSource, textFile, textOf } from './text-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function whole(source: TextSource): Promise<string> {
  let text = '';
  for await (const piece of source.chunks()) text += piece;
  return text;
}

async function fault(source: TextSource): Promise<FormatError> {
  return whole(source).then(
    () => expect.unreachable('expected a FormatError'),
    (error: FormatError) => error,
  );
}

describe('a text file', () => {
  it('is read whole though characters and line ends fall on the borders of pieces', async () => {
    for (const filler of ['x', 'é', '東', '🐋']) {
      for (let shift = 0; shift < 4; shift++) {
        const text = 'x'.repeat(shift) + filler.repeat(700_000);
        expect((await whole(textFile(file('long.txt', text)))) === text).toBe(true);
      }
    }
    const returns = `${'x'.repeat((1 << 20) - 1)}\r\nend\rmid\r\n`;
    expect((await whole(textFile(file('crlf.txt', returns)))).slice(-10)).toBe('x\nend\rmid\n');
    expect(await whole(textFile(file('bom.txt', '\ufeffwhale')))).toBe('whale');
  });

  it('that is not UTF-8 is refused with file, line and byte', async () => {
    const latin = await fault(textFile(file('latin.txt', Uint8Array.from([0x61, 0x0a, 0x63, 0x61, 0x66, 0xe9, 0x0a]))));
    expect(latin).toBeInstanceOf(FormatError);
    expect(latin.location).toMatchObject({ line: 2, byte: 5 });
    expect(latin.message).toMatch(/latin\.txt, line 2, byte 5: byte 0xE9 is not valid UTF-8.*iconv/);
    const late = new Uint8Array((1 << 20) + 10).fill(0x61);
    late[100] = 0x0a;
    late[(1 << 20) + 3] = 0xff;
    expect((await fault(textFile(file('late.txt', late)))).location).toMatchObject({ line: 2, byte: (1 << 20) + 3 });
    const cut = await fault(textFile(file('cut.txt', Uint8Array.from([0x61, 0xe6, 0x9d]))));
    expect(cut.location).toMatchObject({ line: 1, byte: 1 });
    for (const bytes of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xe0, 0x80, 0x80]]) {
      expect((await fault(textFile(file('bad.txt', Uint8Array.from([0x61, ...bytes, 0x61]))))).location.byte).toBe(1);
    }
  });

  it('that is binary, missing or a directory is refused by name', async () => {
    const binary = await fault(textFile(file('model.bin', Uint8Array.from([0x61, 0x0a, 0, 1]))));
    expect(binary.message).toMatch(/model\.bin, line 2, byte 2: a NUL byte/);
    expect((await fault(textFile(join(folder, 'absent.txt')))).message).toMatch(/absent\.txt: there is no such file/);
    expect((await fault(textFile(folder))).message).toContain('this is a folder');
  });
});

describe('a corpus', () => {
  const options = { level: 'char', validFraction: 0.1, minCount: 1, vocabularySize: 100, lowercase: false } as const;

  it('sets the last tenth of the characters aside', async () => {
    const { tokenizer, train, valid } = await readCorpus({ train: [textOf('abcdefghij'.repeat(10))] }, options);
    expect([train.ids.length, valid.ids.length]).toEqual([90, 10]);
    expect(tokenizer.decode(valid.ids)).toBe('abcdefghij');
    expect([train.characters, valid.characters]).toEqual([90, 10]);
  });

  it('joins files in order and cuts words only at white space', async () => {
    const texts = { train: [file('one.txt', 'the white wha'), textOf('le swims away now')] };
    const { tokenizer, train, valid } = await readCorpus(texts, { ...options, level: 'word', validFraction: 0.4 });
    expect(tokenizer.decode(train.ids)).toBe('the white whale swims');
    expect(valid.ids.length).toBe(2);
    expect(valid.unknowns).toBe(2);
    expect(train.characters + valid.characters).toBe(30);
  });

  it('reads validation files of their own, with the vocabulary of the training text', async () => {
    const { train, valid } = await readCorpus({ train: [textOf('aabb')], valid: [textOf('abc')] }, options);
    expect([train.ids.length, [...valid.ids], valid.unknowns]).toEqual([4, [1, 2, 0], 1]);
  });

  it('keeps ids in the narrowest array and encodes a new text with a known vocabulary', async () => {
    const { tokenizer, train } = await readCorpus(
      { train: [textOf('whale '.repeat(20))] },
      { ...options, level: 'bpe', vocabularySize: 300 },
    );
    expect(train.ids).toBeInstanceOf(Uint16Array);
    const { ids } = await readTokens([textOf('a whale')], tokenizer);
    expect(tokenizer.decode(ids)).toBe('a whale');
  });

  it('refuses an empty text', async () => {
    await expect(readCorpus({ train: [file('empty.txt', '')] }, options)).rejects.toThrow(/empty\.txt: this text is empty/);
    await expect(readCorpus({ train: [] }, options)).rejects.toThrow('expected at least one text');
  });
});
