import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noGrad } from '../../autograd/tape.ts';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import { unknownState } from './alphabet.ts';
import { collate, ignored, type Sample, samplesOf } from './batches.ts';
import type { Architecture } from './config.ts';
import { evaluateStructure } from './evaluate.ts';
import { inThreeStates, likeliest, probabilitiesOf } from './infer.ts';
import { ProteinStructureModel } from './model.ts';
import type { ProteinStructureOptions } from './options.ts';
import { predictStructure, predictStructures } from './predict.ts';
import { encodeSequence, type Protein } from './protein.ts';
import { loadProteinStructureModel, proteinStructureModelFrom, saveProteinStructureModel } from './saved.ts';
import { alignment, table, tableHead } from './show.ts';
import { proteinStructure } from './task.ts';
import { type ProteinStructureTraining, prepareProteinStructure, resumeProteinStructure } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-protein-structure-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A toy world: A, E and L make helices, V, I and Y strands, G, N, P and S coil; each of their stretches is as long as it likes. */
function toy(count: number, seed: number): string {
  const rng = new Random(seed);
  const kinds = [
    ['AEL', 'H'],
    ['VIY', 'E'],
    ['GNPS', 'C'],
  ];
  return Array.from({ length: count }, (_, i) => {
    let sequence = '';
    let states = '';
    while (sequence.length < 30) {
      const [letters, state] = kinds[rng.integer(3)];
      for (let n = 3 + rng.integer(6); n > 0; n--) {
        sequence += letters[rng.integer(letters.length)];
        states += state;
      }
    }
    return `>p${i}\n${sequence}\n>p${i}\n${states}\n`;
  }).join('');
}

const small: ProteinStructureOptions = {
  hiddenSize: 12,
  embeddingSize: 6,
  window: 1,
  projectionSize: 0,
  numLayers: 1,
  batchSize: 8,
  dropout: 0.1,
  learningRate: 0.02,
  seed: 3,
};

const architecture: Architecture = {
  states: 3,
  reduction: 'dssp',
  features: ['embedding'],
  embeddingSize: 5,
  profileSize: 0,
  window: 1,
  projectionSize: 0,
  cell: 'lstm',
  numLayers: 1,
  hiddenSize: 4,
  dropout: 0,
  inputDropout: 0,
  residueDropout: 0,
};

async function trained(options: ProteinStructureOptions, out?: string): Promise<ProteinStructureTraining> {
  const training = await prepareProteinStructure({ train: [textOf(toy(60, 1))] }, { ...small, ...options }, out);
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

const protein = (sequence: string, states: string | null = null): Protein => ({
  name: 'p',
  sequence,
  states: states === null ? null : Uint8Array.from(states, (s) => (s === '·' ? unknownState : 'HGIBETSC'.indexOf(s))),
  profile: null,
});

describe('batches', () => {
  it('show each residue with its neighbours, and what is beyond the ends', () => {
    const samples = samplesOf([protein('ACD', 'HEC'), protein('Y', '·')], [0, 0, 0, 1, 1, 2, 2, 2]);
    const { ids, targets, lengths } = collate(samples, 3, 0);
    const [A, C, D, Y, _] = [0, 1, 2, 19, 21];
    expect([...ids]).toEqual([_, A, C, A, C, D, C, D, _, _, Y, _, _, _, _, _, _, _]);
    expect([...targets]).toEqual([0, 1, 2, ignored, ignored, ignored]);
    expect([...lengths]).toEqual([3, 1]);
  });

  it('show windows of profiles', () => {
    const sample: Sample = { residues: encodeSequence('AC'), targets: Int32Array.of(0, 0), profile: Float32Array.of(1, 2, 3, 4) };
    expect([...collate([sample], 3, 2).profile!]).toEqual([0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 0, 0]);
  });

  it('cut long proteins into pieces of about equal length', () => {
    const pieces = samplesOf([protein('ACDEFGH', 'HHEECCH')], [0, 0, 0, 1, 1, 2, 2, 2], 3);
    expect(pieces.map(({ residues }) => residues.length)).toEqual([2, 2, 3]);
    expect(pieces.flatMap(({ targets }) => [...targets])).toEqual([0, 0, 1, 1, 2, 2, 0]);
  });
});

describe('the model', () => {
  const samples = samplesOf([protein('ACDEFGHIKLMNPQRSTVWYX'), protein('MKT')], [0, 0, 0, 1, 1, 2, 2, 2]);
  const logits = (model: ProteinStructureModel, given: readonly Sample[]): Float32Array => {
    const { window, profileSize } = model.architecture;
    return noGrad(() =>
      model
        .eval()
        .forward(collate(given, window, profileSize))
        .dataSync(),
    ) as Float32Array;
  };

  it.each([
    ['embedding', {}],
    ['a window', { window: 5, projectionSize: 7 }],
    ['a window as it is, of everything', { window: 3, features: ['embedding', 'one-hot', 'blosum62'] }],
    ['GRU', { cell: 'gru', numLayers: 2, features: ['blosum62'] }],
  ] as const)('gives a protein the same numbers alone and in a batch: %s', (_, options) => {
    const model = new ProteinStructureModel({
      ...architecture,
      ...options,
      features: [...('features' in options ? options.features : architecture.features)],
      rng: new Random(1),
    });
    const together = logits(model, samples);
    const alone = samples.map((sample) => logits(model, [sample]));
    expect(together.slice(0, 63)).toEqual(alone[0]);
    together.slice(63, 63 + 9).forEach((value, i) => {
      expect(value).toBeCloseTo(alone[1][i], 5);
    });
  });

  it('one-hot columns are an embedding that is the identity', () => {
    const oneHot = new ProteinStructureModel({ ...architecture, features: ['one-hot'], rng: new Random(1) });
    const embedded = new ProteinStructureModel({ ...architecture, embeddingSize: 21, rng: new Random(2) });
    const identity = Float32Array.from({ length: 22 * 21 }, (_, i) => Number(Math.floor(i / 21) === i % 21));
    embedded.loadStateDict(new Map([['embedding.weight', { shape: [22, 21], values: identity }], ...oneHot.stateDict()]));
    logits(embedded, samples).forEach((value, i) => {
      expect(value).toBeCloseTo(logits(oneHot, samples)[i], 5);
    });
  });

  it('a window is a convolution over neighbours', () => {
    // h_t = relu(Σ_k W_k e_{t+k−1} + b), by loops, beside what the model feeds its layers: a projection alone, read through an
    // LSTM with the same weights.
    const model = new ProteinStructureModel({ ...architecture, window: 3, projectionSize: 4, rng: new Random(5) });
    const state = model.stateDict();
    const [E, W, b] = ['embedding.weight', 'projection.weight', 'projection.bias'].map((name) => state.get(name)!.values);
    const ids = [21, ...samples[1].residues, 21];
    const rows = Array.from({ length: 3 }, (_, t) =>
      Array.from({ length: 4 }, (__, o) => {
        let h = b[o];
        for (let k = 0; k < 3; k++) for (let e = 0; e < 5; e++) h += W[o * 15 + k * 5 + e] * E[ids[t + k] * 5 + e];
        return Math.max(0, h);
      }),
    );
    // The same numbers as a profile of four, without a window.
    const { features: _, ...plain } = architecture;
    const profiled = new ProteinStructureModel({ ...plain, features: ['profile'], profileSize: 4, rng: new Random(6) });
    profiled.loadStateDict(new Map([...state].filter(([name]) => !/^(embedding|projection)/.test(name))));
    const sample: Sample = { ...samples[1], profile: Float32Array.from(rows.flat()) };
    logits(profiled, [sample]).forEach((value, i) => {
      expect(value).toBeCloseTo(logits(model, [samples[1]])[i], 5);
    });
  });

  it('hides residues while training, and only then', () => {
    const model = new ProteinStructureModel({ ...architecture, window: 3, residueDropout: 0.9, rng: new Random(1) });
    const batch = collate(samples, 3, 0);
    const before = batch.ids.slice();
    const hidden = noGrad(() => model.train().forward(batch).dataSync());
    expect(batch.ids).toEqual(before);
    expect(hidden).not.toEqual(logits(model, samples));
    expect(logits(model, samples)).toEqual(logits(model, samples));
  });

  it('sums what belongs to one of three states', async () => {
    const eight = Float32Array.of(0.2, 0.15, 0.05, 0.1, 0.1, 0.05, 0.05, 0.3);
    const three = inThreeStates(eight, { ...architecture, states: 8 });
    [0.4, 0.2, 0.4].forEach((p, i) => {
      expect(three[i]).toBeCloseTo(p, 6);
    });
    expect([...likeliest(eight, 8)]).toEqual([7]);
    // no-pi: I is coil.
    expect(inThreeStates(eight, { ...architecture, states: 8, reduction: 'no-pi' })[2]).toBeCloseTo(0.45, 6);
  });
});

describe('training', () => {
  it('learns which amino acids make what', async () => {
    const training = await trained({ maxSteps: 80 });
    const { q3, sov } = await training.evaluate();
    expect(q3).toBeGreaterThan(0.97);
    expect(sov).toBeGreaterThan(0.9);
    const { structure } = await predictStructure(training.model, 'AELLAEAGNPSGVIYVIGGS');
    expect([structure.slice(0, 6), structure.slice(8, 11), structure.slice(13, 16)]).toEqual(['HHHHHH', 'CCC', 'EEE']);
  });

  it.each([
    ['a window, BLOSUM62 and GRU', { window: 5, projectionSize: 16, features: ['blosum62'], embeddingSize: undefined, cell: 'gru' }],
    ['one-hot, dropout everywhere', { features: ['one-hot', 'embedding'], inputDropout: 0.1, residueDropout: 0.1, averageDecay: 0.9 }],
  ] as const)('learns with %s', async (_, { features, ...options }) => {
    const { evaluate } = await trained({ ...options, features: [...features], maxSteps: 80 });
    expect((await evaluate()).q3).toBeGreaterThan(0.95);
  });

  it('that is stopped and resumed ends in the same file, to the byte', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const path = join(folder, 'toy.fasta');
    writeFileSync(path, toy(40, 2));
    const options: ProteinStructureOptions = {
      ...small,
      window: 3,
      projectionSize: 8,
      residueDropout: 0.1,
      averageDecay: 0.95,
      maxSteps: 30,
      evaluateEvery: 12,
    };
    const first = await prepareProteinStructure({ train: [path] }, options, whole);
    for await (const _ of first.run()) {
      // to the end
    }
    const interrupted = await prepareProteinStructure({ train: [path] }, options, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal })) {
      if (event.type === 'step' && event.step === 17) controller.abort();
    }
    const resumed = await resumeProteinStructure(parts);
    for await (const _ of resumed.run()) {
      // to the end
    }
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
    writeFileSync(path, toy(40, 7));
    await expect(resumeProteinStructure(parts)).rejects.toThrow('have changed since it began');
  });

  it('learns eight states where the data have them, three where it is told to', async () => {
    const finer = toy(20, 4).replaceAll(/(?<=[HEC])H(?=[HEC])/g, 'G');
    const prepare = (options: ProteinStructureOptions) => prepareProteinStructure({ train: [textOf(finer)] }, { ...small, ...options });
    const { model, valid } = await prepare({});
    expect(model.architecture.states).toBe(8);
    const { metrics, eight } = await evaluateStructure(model, valid);
    expect(Object.keys(metrics)).toEqual(['q3', 'q8', 'sov']);
    expect(eight!.total).toBe(valid.reduce((sum, { sequence }) => sum + sequence.length, 0));
    expect((await prepare({ states: '3' })).model.architecture.states).toBe(3);
  });

  it('says what does not go together', async () => {
    const prepare = (options: ProteinStructureOptions, text = toy(4, 1)) => prepareProteinStructure({ train: [textOf(text)] }, options);
    await expect(prepare({ features: ['one-hot', 'blosum62'], embeddingSize: 8 })).rejects.toThrow(
      'embeddingSize: expected embedding among the features, received one-hot, blosum62. Add it, or leave embeddingSize out.',
    );
    await expect(prepare({ window: 4 })).rejects.toThrow('window: expected an odd number, received 4. Try 5.');
    await expect(prepare({ states: '8' })).rejects.toThrow('expected data with eight states to learn 8, found H, E and C only');
    await expect(prepare({ features: ['profile'] })).rejects.toThrow('expected proteins with a profile');
    await expect(prepare({ features: ['onehot'] as never })).rejects.toThrow('features: unknown name "onehot"; did you mean "one-hot"?');
    await expect(prepare({}, '>a\nMKT\n>a\nHHH\n')).rejects.toThrow('expected at least two proteins');
    await expect(prepare({}, '>a\nMKT\n>a\n???\n>b\nMKT\n>b\n???\n')).rejects.toThrow('at least one residue whose structure is known');
  });
});

describe('evaluation', () => {
  it('counts residues whose state is known, and agrees with counts by hand', async () => {
    const model = new ProteinStructureModel({ ...architecture, rng: new Random(9) });
    const proteins = [protein('ACDEFGHIKL', 'HHHEEECCC·'), protein('MKTAYI', '·EECHH')];
    const samples = samplesOf(proteins, [0, 0, 0, 1, 1, 2, 2, 2]);
    const said = new Map<number, Uint8Array>();
    for await (const [i, probabilities] of probabilitiesOf(model, samples)) said.set(i, likeliest(probabilities, 3));
    let right = 0;
    let total = 0;
    const shares = proteins.map(({ states }, i) => {
      let here = 0;
      let counted = 0;
      states!.forEach((state, t) => {
        if (state === unknownState) return;
        counted++;
        if ('HEC'['HEC'.indexOf('HGIBETSC'[state])] === 'HEC'[said.get(i)![t]]) here++;
      });
      right += here;
      total += counted;
      return here / counted;
    });
    const evaluation = await evaluateStructure(model, proteins);
    expect(evaluation.residues).toBe(14);
    expect(total).toBe(14);
    expect(evaluation.metrics.q3).toBeCloseTo(right / total, 12);
    expect(evaluation.q3PerProtein).toBeCloseTo((shares[0] + shares[1]) / 2, 12);
    expect(evaluation.three.classes.map(({ support }) => support)).toEqual([5, 5, 4]);
    expect(evaluation.metrics.q8).toBeUndefined();
  });

  it.each([3, 8] as const)('is perfect where all is as a model of %d states says', async (states) => {
    const model = new ProteinStructureModel({ ...architecture, states, rng: new Random(4) });
    const said = await Promise.all(['ACDEFGHIKLMNPQRSTVWYX', 'WWPGMKKAYT'].map((sequence) => predictStructure(model, sequence)));
    const { metrics, q3PerProtein } = await evaluateStructure(
      model,
      said.map(({ sequence, structure }) => protein(sequence, structure)),
    );
    // Of eight states: the likeliest of three is that with the largest sum, not that of the likeliest of eight.
    if (states === 8) expect(metrics.q8).toBe(1);
    else expect({ ...metrics, q3PerProtein }).toEqual({ q3: 1, sov: 1, q3PerProtein: 1 });
  });
});

describe('prediction', () => {
  const probabilities = Array.from({ length: 62 }, (_, t) => (t < 31 ? [0.95, 0.03, 0.02] : [0.1, 0.549, 0.351]));
  const prediction = {
    name: '1abc',
    sequence: `${'M'.repeat(60)}KT`,
    structure: 'H'.repeat(31) + 'E'.repeat(31),
    states: 'HEC',
    probabilities,
  };

  it('stands under its sequence in lines of 60', () => {
    expect(alignment(prediction)).toBe(
      [
        '>1abc  62 residues: helix 50 %, strand 50 %, coil 0 %',
        '',
        `       1  ${'M'.repeat(60)}  60`,
        `   state  ${'H'.repeat(31)}${'E'.repeat(29)}`,
        `    sure  ${'9'.repeat(31)}${'5'.repeat(29)}`,
        '',
        '      61  KT  62',
        '   state  EE',
        '    sure  55',
        '',
      ].join('\n'),
    );
  });

  it('has colours where they show', () => {
    const colored = alignment(prediction, true);
    expect(colored).toContain(`\x1b[38;5;214m${'H'.repeat(31)}\x1b[39m\x1b[38;5;75m${'E'.repeat(29)}\x1b[39m`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes are what is taken out
    expect(colored.replaceAll(/\x1b\[[\d;]*m/g, '')).toBe(alignment(prediction));
  });

  it('is a table of residues', () => {
    expect(tableHead('HEC') + table({ ...prediction, sequence: 'M', structure: 'H', probabilities: [[0.95, 0.03, 0.02]] })).toBe(
      'protein\tposition\tresidue\tstate\tH\tE\tC\n1abc\t1\tM\tH\t0.9500\t0.0300\t0.0200\n',
    );
  });

  it('keeps the order of the proteins, over many batches', async () => {
    const model = new ProteinStructureModel({ ...architecture, rng: new Random(1) });
    const rng = new Random(2);
    const proteins = Array.from({ length: 150 }, (_, i) => ({ ...protein('ACDEFGHIKL'.slice(0, 1 + rng.integer(10))), name: String(i) }));
    const names: string[] = [];
    for await (const { name, sequence, structure } of predictStructures(model, proteins)) {
      names.push(name);
      expect(structure).toHaveLength(sequence.length);
    }
    expect(names).toEqual(proteins.map(({ name }) => name));
  });

  it('says where a typed sequence is wrong', async () => {
    const model = new ProteinStructureModel({ ...architecture, rng: new Random(1) });
    await expect(predictStructure(model, 'MKT\nA 7Y')).rejects.toThrow('sequence, line 2, column 3: expected an amino acid, found "7"');
    await expect(predictStructure(model, ' \n')).rejects.toThrow('expected a sequence of amino acids');
    const profiled = new ProteinStructureModel({ ...architecture, features: ['profile'], profileSize: 21, rng: new Random(1) });
    await expect(predictStructure(profiled, 'MKT')).rejects.toThrow('"sequence": expected a profile of 21 numbers a residue');
  });

  it('of the task takes a bare sequence, FASTA text, and files', async () => {
    const path = join(folder, 'task.safetensors');
    await saveProteinStructureModel(path, new ProteinStructureModel({ ...architecture, rng: new Random(1) }));
    const file = await loadModel(path);
    const fasta = join(folder, 'two.fasta');
    writeFileSync(fasta, '>a one\nMKT\nAY\n>b\nGGG\n');
    const texts = async (input: Parameters<typeof proteinStructure.predict>[1], options = {}): Promise<string> => {
      let text = '';
      for await (const part of proteinStructure.predict(file, input, options)) text += part.text;
      return text;
    };
    expect(await texts({ ...textOf('MKT AY'), path: null })).toMatch(
      /^>sequence {2}5 residues: [^\n]+\n\n {7}1 {2}MKTAY {2}5\n {3}state {2}[HEC]{5}\n {4}sure {2}\d{5}\n$/,
    );
    const fromFile = await texts({ ...textFile(fasta), path: fasta });
    expect(fromFile).toMatch(/^>a {2}5 residues[^>]+\n\n>b {2}3 residues/);
    expect(await texts({ ...textOf(readFileSync(fasta, 'utf8')), path: null })).toBe(fromFile);
    const rows = (await texts({ ...textFile(fasta), path: fasta }, { probabilities: true })).split('\n');
    expect(rows).toHaveLength(1 + 5 + 3 + 1);
    expect(rows[6]).toMatch(/^b\t1\tG\t[HEC]\t0\.\d{4}\t0\.\d{4}\t0\.\d{4}$/);
  });
});

describe('a model file', () => {
  it('gives the model back', async () => {
    const model = new ProteinStructureModel({
      ...architecture,
      states: 8,
      window: 3,
      projectionSize: 6,
      features: ['one-hot', 'embedding'],
      rng: new Random(1),
    });
    const path = join(folder, 'saved.safetensors');
    await saveProteinStructureModel(path, model);
    const again = await loadProteinStructureModel(path);
    expect(again.model.architecture).toEqual(model.architecture);
    expect(await predictStructure(again.model, 'MKTAYIAKQR')).toEqual(await predictStructure(model, 'MKTAYIAKQR'));
  });

  it('is refused when its parts do not fit', () => {
    const model = new ProteinStructureModel({ ...architecture, rng: new Random(1) });
    const file = (changes: object) => ({
      config: { task: 'protein-structure', architecture: { ...architecture, ...changes } },
      tensors: model.stateDict(),
    });
    const load = (changes: object) => () => proteinStructureModelFrom(file(changes), 'm.safetensors');
    expect(load({ hiddenSize: 4096 })).toThrow('m.safetensors: configuration: the architecture has');
    expect(load({ hiddenSize: 3 })).toThrow(/m\.safetensors: .*expected/);
    expect(load({ window: 2 })).toThrow('expected an odd window, received 2');
    expect(load({ profileSize: 4 })).toThrow('expected a profileSize above 0 with the feature "profile"');
    expect(load({ states: 4 })).toThrow('configuration');
  });
});
