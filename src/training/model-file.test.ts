import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatSafetensors, parseSafetensors } from '../interop/safetensors.ts';
import { FileError, FormatError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatModel, loadModel, modelConfigEntries, parseModel, readModelConfig, saveModel } from './model-file.ts';

const schema = v.object({
  ...modelConfigEntries,
  task: v.literal('tagging'),
  architecture: v.object({
    hiddenSize: v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1, ({ received }) => `expected an integer ≥ 1, received ${received}`),
    ),
  }),
});
const config = {
  task: 'tagging' as const,
  architecture: { hiddenSize: 3 },
  vocabulary: ['a', 'ß', '—'],
  training: { seed: 1, loss: 0.25 },
};
const tensors = new Map([
  ['lstm.weight_ih_l0', { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['head.bias', { shape: [2], values: Float32Array.of(-1, 0.5) }],
]);
const model = { config, tensors };

/** A model file whose configuration is this text. */
const withConfig = (text: string) => formatSafetensors(tensors, { unrolled: text });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unrolled-model-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a model file', () => {
  it('gives back configuration and tensors', async () => {
    const path = join(folder, 'deep', 'model.safetensors');
    await saveModel(path, model);
    const loaded = await loadModel(path, schema);
    expect(loaded.config.architecture.hiddenSize).toBe(3);
    expect(loaded.config).toEqual(config);
    for (const [name, { shape, values }] of tensors) expect({ ...loaded.tensors.get(name) }).toEqual({ shape, values });
    expect(await readModelConfig(path)).toEqual(config);
  });

  it('has the same bytes when saved, loaded and saved', () => {
    const bytes = formatModel(model);
    expect(formatModel(parseModel(bytes, schema))).toEqual(bytes);
  });

  it('is float32 whatever the backend computes in, and plain safetensors for others', () => {
    const doubles = new Map([...tensors].map(([name, { shape, values }]) => [name, { shape, values: Float64Array.from(values) }]));
    expect(formatModel({ config, tensors: doubles })).toEqual(formatModel(model));
    expect(parseSafetensors(formatModel(model)).metadata.format).toBe('pt');
  });

  it('says what is wrong with a configuration, and where', () => {
    const cases: [Uint8Array, string][] = [
      [formatSafetensors(tensors), 'tensors without a configuration: not a model that Unrolled saved'],
      [withConfig('{'), 'configuration: expected JSON'],
      [withConfig('{"task":"tagging"}'), 'configuration: version: expected'],
      [
        withConfig('{"version":2,"task":"tagging"}'),
        'made by a newer Unrolled: its format is 2, this one reads up to 1. Update with: npm install unrolled@latest',
      ],
      [withConfig('{"version":1,"task":"other","architecture":{}}'), 'configuration: task: expected "tagging", received "other"'],
      [
        withConfig('{"version":1,"task":"tagging","architecture":{"hiddenSize":"3"}}'),
        'configuration: architecture.hiddenSize: expected number, received "3"',
      ],
      [
        withConfig('{"version":1,"task":"tagging","architecture":{"hiddenSize":0}}'),
        'configuration: architecture.hiddenSize: expected an integer ≥ 1, received 0',
      ],
    ];
    for (const [bytes, message] of cases) {
      expect(() => parseModel(bytes, schema, 'm.safetensors')).toThrow(`m.safetensors: `);
      expect(() => parseModel(bytes, schema, 'm.safetensors')).toThrow(message);
      expect(() => parseModel(bytes, schema, 'm.safetensors')).toThrow(FormatError);
    }
  });

  it('notices weights and configurations that were tampered with', () => {
    const bytes = formatModel(model);
    const weight = bytes.slice();
    weight[weight.length - 1] ^= 1;
    expect(() => parseModel(weight, schema)).toThrow('does not match its checksum: the file was damaged or changed');
    const text = new TextDecoder('latin1').decode(bytes).replace('0.25', '0.15');
    const changed = Uint8Array.from(text, (c) => c.charCodeAt(0));
    expect(() => parseModel(changed, schema)).toThrow('does not match its checksum');
  });

  it('in 10,000 damaged forms is refused with a FormatError, or is the same model', () => {
    const rng = new Random(4);
    const good = formatModel(model);
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      const bytes = rng.uniform() < 0.2 ? good.slice(0, rng.integer(good.length)) : good.slice();
      for (let n = 1 + rng.integer(3); n > 0; n--) if (bytes.length > 0) bytes[rng.integer(bytes.length)] ^= 1 << rng.integer(8);
      try {
        const parsed = parseModel(bytes, schema);
        // What no checksum covers: white space in the header, and the name of the format.
        expect(parsed.config).toEqual(config);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(8000);
  });

  it('says so when there is no such file, or it is a folder', async () => {
    await expect(loadModel(join(folder, 'none'))).rejects.toThrow(/none: there is no such file/);
    await expect(loadModel(folder)).rejects.toThrow(FileError);
    writeFileSync(join(folder, 'text'), 'Call me Ishmael. Some years ago');
    await expect(loadModel(join(folder, 'text'))).rejects.toThrow(/text, byte 0: expected a header that ends within the file of 31 bytes/);
  });
});
