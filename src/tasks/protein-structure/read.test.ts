import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { bytesSource } from '../../interop/byte-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { aminoAcids, eightStates, reductionTable, unknownState } from './alphabet.ts';
import { blosum62 } from './blosum62.ts';
import type { DataOptions } from './options.ts';
import type { Protein } from './protein.ts';
import { readProteins, streamProteins } from './read.ts';
import { arrayProfileSize } from './read-array.ts';
import { readProfile } from './read-profile.ts';

/** What each residue's state is read as; · where it does not count. */
const shown = ({ name, sequence, states }: Protein): string[] => [
  name,
  sequence,
  states === null ? '' : Array.from(states, (state) => (state === unknownState ? '·' : eightStates[state])).join(''),
];
const read = async (texts: readonly string[], options?: DataOptions): Promise<string[][]> =>
  (
    await readProteins(
      texts.map((text, i) => textOf(text, `file${i + 1}`)),
      options,
    )
  ).map(shown);

describe('letters', () => {
  it('eight states become three as DSSP is commonly read: HGI, EB, the rest', () => {
    const three = (reduction: Parameters<typeof reductionTable>[0]): string =>
      [...reductionTable(reduction)].map((id) => 'HEC'[id]).join('');
    expect(eightStates).toBe('HGIBETSC');
    expect(three('dssp')).toBe('HHHEECCC');
    expect(three('no-pi')).toBe('HHCEECCC');
    expect(three('strict')).toBe('HCCCECCC');
  });

  it('BLOSUM62 is symmetric, and has the values of the paper', () => {
    for (const a of aminoAcids) for (const b of aminoAcids) expect(blosum62(a, b)).toBe(blosum62(b, a));
    expect(['WW', 'CC', 'AA', 'IV', 'KR', 'WG', 'DE', 'FY'].map(([a, b]) => blosum62(a, b))).toEqual([11, 9, 4, 3, 2, -2, 2, 3]);
    const diagonal = Array.from('ARNDCQEGHILKMFPSTWYV', (letter) => blosum62(letter, letter));
    expect(diagonal).toEqual([4, 5, 6, 6, 9, 5, 5, 6, 8, 4, 4, 5, 5, 6, 7, 4, 5, 11, 7, 4]);
  });
});

describe('FASTA', () => {
  const sequences = '>1abc chain A\nMKTAY\n>2xyz\nGGKK\n';
  const structures = '>2xyz\nCCHE\n>1abc\nCHHG?\n';
  const mask = '>1abc\n01111\n';

  it('puts records of a name together, whatever their order', async () => {
    const expected = [
      ['1abc', 'MKTAY', '·HHG·'],
      ['2xyz', 'GGKK', 'CCHE'],
    ];
    expect(await read([sequences, structures, mask])).toEqual(expected);
    expect(await read([mask, sequences + structures])).toEqual(expected);
    expect((await read([structures, sequences, mask])).reverse()).toEqual(expected);
  });

  it('takes the first record for the sequence where both could be either', async () => {
    expect(await read(['>a\nGGHH\n>a\nHHEE\n'])).toEqual([['a', 'GGHH', 'HHEE']]);
  });

  it('has sequences to predict, whatever else is known of them', async () => {
    const names: string[][] = [];
    const labelled = `${sequences}${structures}${mask}>new\nHHGG\n>new\nCC-?\n>other\nMKT\n>other\nhhe\n`;
    for await (const protein of streamProteins(textOf(labelled))) names.push(shown(protein));
    expect(names).toEqual([
      ['1abc', 'MKTAY', ''],
      ['2xyz', 'GGKK', ''],
      ['new', 'HHGG', ''],
      ['other', 'MKT', ''],
    ]);
  });

  it('reads rare letters, lower case, a stop, other spellings of coil, BOM and CRLF', async () => {
    expect(await read(['\ufeff>a\r\nmkuBZ*\r\n>a\r\nL-~PX\r\n'])).toEqual([['a', 'mkuBZ', 'CCCC·']]);
  });

  it.each([
    ['below the sequence', '>a\nMKTAYLG\n>a\nhgebtsc\n', 'MKTAYLG', 'HGEBTSC'],
    ['above it', '>a\nhhilpx?\n>a\nMKTAYLG\n', 'MKTAYLG', 'HHICC··'],
    ['in part', '>a\nMKTAY\n>a\nHhEec\n', 'MKTAY', 'HHEEC'],
    ['below a sequence in lower case', '>a\nmktay\n>a\nhheec\n', 'mktay', 'HHEEC'],
    ['below a sequence in letters of states', '>a\nGESCL\n>a\nhheec\n', 'GESCL', 'HHEEC'],
  ])('reads states in lower case: %s', async (_, text, sequence, states) => {
    expect(await read([text])).toEqual([['a', sequence, states]]);
  });

  it.each([
    ['a sequence without states', ['>a\nMKT\n>b\nMK\n>b\nHH\n'], 1, 1, /"a" has no secondary structure/],
    ['states without a sequence', ['>a\nHHEC\n'], 1, 1, /"a" has no sequence/],
    ['a mask alone', ['>a\n0110\n'], 1, 1, /"a" has a mask and no sequence/],
    ['a second sequence', ['>a\nMKT\n>a\nMKV\n'], 3, 1, /a second sequence named "a"/],
    ['a third record', ['>a\nMKT\n>a\nHHH\n>a\nHHH\n'], 5, 1, /a second sequence named "a"/],
    ['a second mask', ['>a\nMKT\n>a\nHHH\n>a\n111\n>a\n110\n'], 7, 1, /a second mask for "a"/],
    ['states that are too short', ['>a\nMKTAY\n>a\nHHH\n'], 4, 3, /expected secondary structure of 5 letters.*found 3/],
    ['states that are too long', ['>a\nMKT\n>a\nHHH\nHCC\n'], 5, 1, /of 3 letters.*found 6/],
    ['a mask that is too short', ['>a\nMKT\n>a\nHHH\n>a\n11\n'], 6, 2, /expected a mask of 3 letters.*found 2/],
    ['a digit in a sequence', ['>a\nMKT\nAY1K\n>a\nHHHHHHH\n'], 3, 3, /expected an amino acid, found "1" in "a"/],
    ['a gap in a sequence', ['>a\nMK-TA\n>a\nHHHHH\n'], 2, 3, /found "-".*Take the gaps out/],
    ['a stop within', ['>a\nMK*TA\n>a\nHHHHH\n'], 2, 3, /found "\*"/],
    ['a stop alone', ['>a\n*\n>a\nHH\n'], 1, 1, /expected a sequence/],
    ['a letter that is no state', ['>a\nMKT\n>a\nHHJ\n'], 3, 1, /a second sequence/],
    ['a letter that is not ASCII', ['>a\nMKÄ\n>a\nHHH\n'], 2, 3, /found "Ä"/],
    ['an empty file', [''], 1, 1, /found an empty file/],
    ['a file of blanks', ['\n \n'], 1, 1, /found an empty file/],
  ] as const)('refuses %s', async (_, texts, line, column, message) => {
    const error = await read(texts).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toEqual({ file: 'file1', line, column });
    expect((error as FormatError).message).toMatch(message);
  });

  it('streams sequences alone', async () => {
    const proteins: Protein[] = [];
    for await (const protein of streamProteins(textOf(sequences))) proteins.push(protein);
    expect(proteins.map(shown)).toEqual([
      ['1abc', 'MKTAY', ''],
      ['2xyz', 'GGKK', ''],
    ]);
  });
});

describe('tables', () => {
  it('reads words, and letters with blanks between, as in the files of PS4', async () => {
    const ps4 = 'input, dssp3, dssp8, disorder\nM K T,C H H,C G H,0.0 1.0 1.0\n';
    expect(await read([ps4])).toEqual([['line 2', 'MKT', '·GH']]);
    expect(await read(['id;seq;sst3\r\n1abc;MKT;CHH\r\n'])).toEqual([['1abc', 'MKT', 'CHH']]);
  });

  it('takes other columns when they are named', async () => {
    const table = 'sequence,dssp8,mine,ok,sure\nMKT,HHH,ECC,110,0 1 1\n';
    const options = { structureColumn: 'mine', maskColumns: ['ok', 'sure'] };
    expect(await read([table], options)).toEqual([['line 2', 'MKT', '·C·']]);
    await expect(read([table], { structureColumn: 'mind' })).rejects.toThrow('unknown column "mind"; did you mean "mine"?');
  });

  it.each([
    ['a digit in a sequence', 'sequence,q3\nMKT,HHH\nMK7,HHH\n', 3, 1, /as letter 3 of the sequence, found "7"/],
    ['no sequence', 'sequence,q3\n,HHH\n', 2, 1, /expected a sequence in "sequence", found nothing/],
    ['no sequence behind a name', 'name,sequence,q3\na,  ,HHH\n', 2, 3, /found nothing/],
    ['states that are too short', 'sequence,q3\nMKT,HH\n', 2, 5, /expected 3 states.*found 2/],
    ['states that are too long', 'sequence,q3\nM K T,H H H H\n', 2, 7, /expected 3 states.*found 4/],
    ['no states', 'sequence,q3\nMKT,\n', 2, 5, /expected 3 states.*found 0/],
    ['a letter that is no state', 'sequence,q3\nMKT,HHJ\n', 2, 5, /as letter 3 of the structure, found "J"/],
    ['a mask that is too short', 'sequence,q3,mask\nMKT,HHH,11\n', 2, 9, /expected a mask of 3 numbers.*found 2/],
    ['a mask of other numbers', 'sequence,q3,mask\nMKT,HHH,1 2 1\n', 2, 9, /expected 0 or 1 as number 2 of the mask, found "2"/],
    ['a mask of words', 'sequence,q3,mask\nMKT,HHH,yes\n', 2, 9, /number 1 of the mask, found "y"/],
    ['too few fields', 'sequence,q3\nMKT,HHH\nMKT\n', 3, 4, /expected 2 fields/],
    ['a quote that is not closed', 'sequence,q3\n"MKT,HHH\n', 2, 1, /the quote is not closed/],
  ])('refuses %s', async (_, text, line, column, message) => {
    const error = await read([text]).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toEqual({ file: 'file1', line, column });
    expect((error as FormatError).message).toMatch(message);
  });

  it('says which columns it looked for', async () => {
    await expect(read(['a,b\n1,2\n'])).rejects.toThrow(
      'file1, line 1, column 1: expected a column named sequence, seq, input, primary, found a, b',
    );
    await expect(read(['sequence,b\nMKT,2\n'])).rejects.toThrow(
      'file1, line 1, column 1: expected a column of secondary structures, found none',
    );
    await expect(read(['sequence,q3\n'])).rejects.toThrow('expected at least one protein, found none');
    await expect(readProteins([])).rejects.toThrow(ConfigError);
  });
});

describe('arrays', () => {
  /** As the files of Zhou & Troyanskaya; T = 4 residues, of which 'AR' with states L and H, then the end. */
  const residues = 'ACEDGFIHKMLNQPSRTWVYX';
  function row(sequence: string, states: string, T: number): Float32Array {
    const values = new Float32Array(T * 57);
    for (let t = 0; t < T; t++) {
      const at = t * 57;
      values[at + (t < sequence.length ? residues.indexOf(sequence[t]) : 21)] = 1;
      values[at + 22 + (t < sequence.length ? 'LBEGIHST'.indexOf(states[t]) : 8)] = 1;
      for (let k = 0; k < 21; k++) values[at + 35 + k] = t < sequence.length ? t + k / 100 : 0;
    }
    return values;
  }
  function npy(shape: readonly number[], values: Float32Array): Uint8Array {
    const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }\n`;
    return Uint8Array.from([
      0x93,
      ...new TextEncoder().encode('NUMPY'),
      1,
      0,
      header.length,
      0,
      ...new TextEncoder().encode(header),
      ...new Uint8Array(values.buffer),
    ]);
  }
  const both = Float32Array.from([...row('AR', 'LH', 4), ...row('WVYX', 'BEGS', 4)]);
  const array = npy([2, 4, 57], both);

  it.each([
    ['as it is', array],
    ['compressed', new Uint8Array(gzipSync(array))],
  ])('reads CB513 %s', async (_, bytes) => {
    const proteins = await readProteins([bytesSource(bytes, 'cb513.npy')]);
    expect(proteins.map(shown)).toEqual([
      ['1', 'AR', 'CH'],
      ['2', 'WVYX', 'BEGS'],
    ]);
    expect(proteins[0].profile).toHaveLength(2 * arrayProfileSize);
    expect([...proteins[0].profile!.slice(20, 23)]).toEqual([Math.fround(0.2), 1, Math.fround(1.01)]);
  });

  it('reads the flat layout', async () => {
    const values = row('MKT', 'HHH', 700);
    expect((await readProteins([bytesSource(npy([1, 39_900], values))])).map(shown)).toEqual([['1', 'MKT', 'HHH']]);
  });

  const broken = (change: (values: Float32Array) => void): Uint8Array => {
    const values = both.slice();
    change(values);
    return npy([2, 4, 57], values);
  };
  it.each([
    ['another number of columns', npy([2, 3, 76], both), /expected an array of shape \[N, T, 57\] or \[N, 39900\].*found \[2, 3, 76\]/],
    ['another flat width', npy([2, 228], both), /found \[2, 228\]/],
    ['one axis', npy([456], both), /found \[456\]/],
    [
      'no amino acid',
      broken((v) => v.fill(0, 57, 78)),
      /protein 1, residue 2: expected one amino acid in columns 0 to 20, found none or several/,
    ],
    ['two amino acids', broken((v) => v.fill(1, 228, 230)), /protein 2, residue 1: expected one amino acid/],
    ['half an amino acid', broken((v) => v.fill(0.5, 0, 1)), /protein 1, residue 1: expected one amino acid/],
    ['an empty protein', broken((v) => v.fill(1, 21, 22)), /protein 1, residue 1: expected a protein of at least one residue/],
    [
      'a profile that is not a number',
      broken((v) => v.fill(Number.NaN, 40, 41)),
      /residue 1: expected a number in column 40 of the profile, found NaN/,
    ],
    [
      'a profile that is infinite',
      broken((v) => v.fill(Number.POSITIVE_INFINITY, 57 + 35, 57 + 36)),
      /residue 2: expected a number in column 35/,
    ],
    ['an array that ends early', array.subarray(0, array.length - 100), /for row 2 of 2, found the end of the file/],
    ['an array that goes on', Uint8Array.from([...array, 0]), /expected the end of the array here/],
  ])('refuses %s', async (_, bytes, message) => {
    const error = await readProteins([bytesSource(bytes, 'x.npy')]).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location.file).toBe('x.npy');
    expect((error as FormatError).message).toMatch(message);
  });

  it('does not mix proteins with and without profiles', async () => {
    const sources = [bytesSource(array, 'a.npy'), textOf('>a\nMKT\n>a\nHHH\n', 'b.fasta')];
    await expect(readProteins(sources)).rejects.toThrow('found 0 and 21 numbers a residue in a.npy, b.fasta');
  });
});

describe('profiles', () => {
  const scores = (first: string): string => `${first}${'  0'.repeat(19)}`;
  const pssm = [
    '',
    'Last position-specific scoring matrix computed, weighted observed percentages rounded down',
    '            A  R  N  D  C  Q  E  G  H  I  L  K  M  F  P  S  T  W  Y  V   A   R',
    `    1 M    ${scores(' -1')}    0   0  0.10 0.20`,
    `    2 K    ${scores('  2').replace('  0  0', '-10-11')}    5   0  0.10 0.20`,
    '',
    '                      K         Lambda',
    'Standard Ungapped    0.1334     0.3172',
    '',
  ];
  const hhm = [
    'HHsearch 1.5',
    'NAME  1abc some protein',
    'SEQ',
    '>1abc',
    'MK',
    '#',
    `NULL   ${'3706 '.repeat(20)}`,
    'HMM    A\tC\tD\tE\tF\tG\tH\tI\tK\tL\tM\tN\tP\tQ\tR\tS\tT\tV\tW\tY',
    '       M->M\tM->I\tM->D\tI->M\tI->I\tD->M\tD->D\tNeff\tNeff_I\tNeff_D',
    '       0\t*\t*\t0\t*\t0\t*\t*\t*\t*',
    `M 1    1000\t0\t${'*\t'.repeat(18)}1`,
    '       2000\t*\t*\t*\t*\t*\t*\t10000\t0\t0',
    '',
    `K 2    *\t3000\t${'*\t'.repeat(18)}2`,
    '       0\t*\t*\t*\t*\t*\t*\t20000\t0\t*',
    '',
    '//',
  ];
  const source = (lines: readonly string[], name = '1abc.pssm') => textOf(lines.join('\n'), name);

  it('reads PSI-BLAST: 1 / (1 + e^-s) of 20 scores', async () => {
    const { name, sequence, profile } = await readProfile(source(pssm, 'profiles/1abc.pssm'), 'pssm');
    expect([name, sequence, profile!.length]).toEqual(['1abc', 'MK', 40]);
    // 1/(1+e) and 1/(1+e^-2), 1/(1+e^10), 1/(1+e^11), 1/2
    [0.26894142, 0.5, 0.88079708, 4.539787e-5, 1.67014e-5, 0.5].forEach((expected, i) => {
      expect(profile![[0, 19, 20, 21, 22, 39][i]]).toBeCloseTo(expected, 7);
    });
  });

  it('reads HH-suite: p of -1000 log2 p, and effective numbers in units of 20', async () => {
    const { name, sequence, profile } = await readProfile(source(hhm), 'hhm');
    expect([name, sequence, profile!.length]).toEqual(['1abc', 'MK', 60]);
    const row = (t: number): number[] => [...profile!.slice(t * 30, (t + 1) * 30)];
    expect(row(0)).toEqual([0.5, 1, ...new Array(18).fill(0), 0.25, 0, 0, 0, 0, 0, 0, 0.5, 0, 0]);
    expect(row(1)).toEqual([0, 0.125, ...new Array(18).fill(0), 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
  });

  it('gives them to the proteins of their names', async () => {
    const fasta = textOf('>1abc\nmk\n>1abc\nHE\n', 'a.fasta');
    for (const lines of [pssm, hhm]) {
      const [protein] = await readProteins([source(lines), fasta]);
      expect([...shown(protein), protein.profile!.length > 0]).toEqual(['1abc', 'mk', 'HE', true]);
    }
    const proteins: Protein[] = [];
    for await (const protein of streamProteins(source(hhm))) proteins.push(protein);
    expect(proteins.map(shown)).toEqual([['1abc', 'MK', '']]);
    await expect(readProteins([source(hhm), textOf('>2xyz\nMK\n>2xyz\nHE\n')])).rejects.toThrow(
      '1abc.pssm: a profile of "1abc", which is no protein',
    );
    await expect(readProteins([source(hhm), textOf('>1abc\nMT\n>1abc\nHE\n')])).rejects.toThrow('found one of 2 or of other letters');
    await expect(readProteins([source(hhm), textOf('>1abc\nMK\n>1abc\nHE\n>b\nMK\n>b\nHE\n')])).rejects.toThrow('found 30 and 0 numbers');
  });

  const changed = (lines: readonly string[], line: number, text: string): string[] => lines.with(line - 1, text);
  it.each([
    ['a PSSM of no residues', 'pssm', pssm.slice(0, 3), 3, 1, /expected at least one residue/],
    ['a PSSM with too few scores', 'pssm', changed(pssm, 4, '    1 M     -1  0  0'), 4, 21, /expected 20 scores, found 3/],
    ['a PSSM without scores', 'pssm', changed(pssm, 4, '    1 M'), 4, 8, /expected 20 scores, found 0/],
    [
      'a PSSM with a digit for an amino acid',
      'pssm',
      changed(pssm, 5, `    2 7    ${scores('  0')}`),
      5,
      7,
      /expected an amino acid, found "7"/,
    ],
    ['a PSSM without amino acids', 'pssm', changed(pssm, 5, `    2 -1 ${scores('  0')}`), 5, 7, /expected an amino acid, found "-1"/],
    ['a PSSM with a position alone', 'pssm', changed(pssm, 5, '    2 '), 5, 1, /expected a position and an amino acid/],
    ['an HMM without a table', 'hhm', hhm.slice(0, 7), 7, 1, /expected a line that begins with HMM/],
    ['an HMM that ends early', 'hhm', hhm.slice(0, 13), 12, 1, /expected \/\/ at the end/],
    ['an HMM of no residues', 'hhm', [...hhm.slice(0, 10), '//'], 11, 1, /expected at least one residue/],
    ['an HMM that lacks transitions', 'hhm', [...hhm.slice(0, 11), '//'], 12, 1, /expected the transitions of residue 1/],
    ['an HMM with too few numbers', 'hhm', changed(hhm, 11, 'M 1    1000\t0'), 11, 14, /expected 20 numbers, found 2/],
    [
      'an HMM with a word',
      'hhm',
      changed(hhm, 12, '       2000\tmany\t*\t*\t*\t*\t*\t1\t0\t0'),
      12,
      13,
      /expected a number or \*, found "many"/,
    ],
    ['an HMM with an unknown letter', 'hhm', changed(hhm, 14, `5 2    ${'*\t'.repeat(20)}2`), 14, 1, /expected an amino acid, found "5"/],
  ] as const)('refuses %s', async (_, kind, lines, line, column, message) => {
    const error = await readProfile(source(lines), kind).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toEqual({ file: '1abc.pssm', line, column });
    expect((error as FormatError).message).toMatch(message);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-proteins-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const fasta = '\ufeff>a\r\nMKT\r\n>a\r\nHEC\r\n';

  it('are known by how they begin, not by their names', async () => {
    for (const path of [
      write('a.fasta', fasta),
      write('a.txt', fasta),
      write('a.fasta.gz', gzipSync(fasta)),
      write('a.csv', 'seq,q3\nMKT,HEC\n'),
    ]) {
      expect((await readProteins([path])).map((protein) => shown(protein).slice(1))).toEqual([['MKT', 'HEC']]);
    }
  });

  it('are refused where they are no text, empty, or not there', async () => {
    await expect(readProteins([write('latin.fasta', Uint8Array.of(0x3e, 0x61, 10, 0x4d, 0xe4, 10))])).rejects.toThrow(
      /latin\.fasta, line 2, byte 4: byte 0xE4 is not valid UTF-8 here/,
    );
    await expect(readProteins([write('utf16.fasta', Uint8Array.of(0x3e, 0, 0x61, 0, 10, 0))])).rejects.toThrow(/a NUL byte.*UTF-16/);
    await expect(readProteins([write('empty.fasta', '')])).rejects.toThrow(
      /empty\.fasta, line 1, column 1: expected proteins, found an empty file/,
    );
    await expect(readProteins([join(folder, 'none.fasta')])).rejects.toThrow('there is no such file');
  });
});
