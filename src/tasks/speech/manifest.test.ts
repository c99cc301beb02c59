import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, FileError, FormatError } from '../../tensor/errors.ts';
import { readUtterances } from './manifest.ts';
import type { ReadingOptions } from './options.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-manifest-'));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

describe('readUtterances', () => {
  it('reads a table with speakers and parts, paths relative to it', async () => {
    const path = file(
      'a.tsv',
      'wav\tseconds\tsplit\ttranscript\tspeaker\none.wav\t1\ttrain\tOne, "two".\tann\n/x/two.wav\t2\ttest\tTwo\tbob\n',
    );
    expect(await readUtterances(path)).toEqual([
      { path: join(folder, 'one.wav'), transcript: 'One, "two".', speaker: 'ann', split: 'train', file: path, line: 2 },
      { path: '/x/two.wav', transcript: 'Two', speaker: 'bob', split: 'test', file: path, line: 3 },
    ]);
  });

  it('reads named columns, in another folder', async () => {
    const path = file('b.csv', 'clip,said,by\none.wav,"yes, no",3\n');
    const [utterance] = await readUtterances(path, {
      pathColumn: 'clip',
      transcriptColumn: 'said',
      speakerColumn: 'by',
      audioFolder: '/sounds',
    });
    expect(utterance).toMatchObject({ path: '/sounds/one.wav', transcript: 'yes, no', speaker: '3', split: null });
  });

  it('reads JSON lines as NeMo writes them', async () => {
    const path = file(
      'c.jsonl',
      '{"audio_filepath": "one.wav", "duration": 1.5, "text": "one"}\n{"audio_filepath": "/two.wav", "text": "two"}\n',
    );
    expect(await readUtterances(path)).toMatchObject([
      { path: join(folder, 'one.wav'), transcript: 'one', line: 1 },
      { path: '/two.wav', transcript: 'two', line: 2 },
    ]);
  });

  it('reads a folder, and those below it', async () => {
    for (const [name, content] of [
      ['d/b.wav', ''],
      ['d/b.txt', ' two \n'],
      ['d/deep/a.wav', ''],
      ['d/deep/a.txt', 'one'],
      ['d/README', 'of the folder'],
    ]) {
      file(name, content);
    }
    expect((await readUtterances(join(folder, 'd'))).map(({ path, transcript }) => [path.slice(folder.length), transcript])).toEqual([
      ['/d/b.wav', 'two'],
      ['/d/deep/a.wav', 'one'],
    ]);
  });

  file('e/a.wav', '');
  file('f/a.wav', '');
  file('f/a.txt', ' \n');
  file('g/readme.md', 'x');
  const malformed: readonly (readonly [
    what: string,
    path: string,
    kind: new (...args: never[]) => Error,
    message: string,
    options?: ReadingOptions,
  ])[] = [
    ['no file', join(folder, 'none.tsv'), FileError, 'none.tsv: there is no such file.'],
    ['an empty table', file('1.tsv', ''), FormatError, '1.tsv, line 1, column 1: expected a table, received an empty file.'],
    ['names only', file('2.tsv', 'path\ttranscript\n'), FormatError, '2.tsv, line 2: expected rows below the names'],
    [
      'no column of paths',
      file('3.tsv', 'sound\ttranscript\na\tb\n'),
      FormatError,
      '3.tsv, line 1: expected a column of WAV files (path, wav, audio, audio_filepath, file, filename), received "sound", "transcript". Name it with pathColumn.',
    ],
    ['no column of transcripts', file('4.tsv', 'path\twords\na\tb\n'), FormatError, 'expected a column of what is said (transcript'],
    [
      'an unknown column',
      file('5.tsv', 'path\ttranscript\na\tb\n'),
      ConfigError,
      'unknown column "pth"; did you mean "path"?',
      { pathColumn: 'pth' },
    ],
    [
      'an empty path',
      file('6.tsv', 'path\ttranscript\na.wav\tyes\n\tno\n'),
      FormatError,
      '6.tsv, line 3, column 1: expected the path of a WAV file, received an empty field.',
    ],
    [
      'an empty transcript',
      file('7.tsv', 'path\ttranscript\na.wav\t\n'),
      FormatError,
      '7.tsv, line 2, column 7: expected what is said, received an empty field.',
    ],
    ['a short row', file('8.tsv', 'path\ttranscript\na.wav\n'), FormatError, '8.tsv, line 2'],
    ['a binary file', file('9.tsv', Uint8Array.of(82, 73, 70, 70, 0, 1)), FormatError, 'a NUL byte'],
    [
      'another encoding',
      file('10.tsv', Uint8Array.of(...new TextEncoder().encode('path\ttranscript\na\t'), 0xe9, 10)),
      FormatError,
      'is not valid UTF-8',
    ],
    ['broken JSON', file('11.jsonl', '{"path": "a.wav", "text": }\n'), FormatError, '11.jsonl, line 1, column 27'],
    ['a list', file('12.jsonl', '[1]\n'), FormatError, '12.jsonl, line 1: expected an object'],
    [
      'a field that is no text',
      file('13.jsonl', '{"path": "a.wav", "text": null}\n'),
      FormatError,
      '13.jsonl, line 1: expected "text" to be a text, received null.',
    ],
    [
      'an empty JSON field',
      file('14.jsonl', '{"path": "", "text": "x"}\n'),
      FormatError,
      '14.jsonl, line 1: expected the path of a WAV file, received an empty "path".',
    ],
    ['no JSON line', file('15.jsonl', '\n\n'), FormatError, '15.jsonl, line 1: expected an utterance a line'],
    ['a WAV file without its text', join(folder, 'e'), FileError, 'e/a.wav: expected a text file a.txt beside it'],
    ['a WAV file with an empty text', join(folder, 'f'), FormatError, 'f/a.txt, line 1: expected what is said, found an empty file.'],
    ['a folder without WAV files', join(folder, 'g'), FormatError, 'expected WAV files with a text file (.txt) beside each, found none.'],
  ];

  for (const [what, path, kind, message, options = {}] of malformed) {
    it(`refuses ${what}`, async () => {
      const failure = await readUtterances(path, options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(kind);
      expect((failure as Error).message).toContain(message);
    });
  }
});
