import { describe, expect, it } from 'vitest';
import { FormatError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import type { TypedArray } from '../tensor/shape.ts';
import { bytesSource } from './byte-source.ts';
import { formatSafetensors, openSafetensors, parseSafetensors } from './safetensors.ts';

const tensors = new Map<string, { shape: number[]; values: TypedArray }>([
  ['lstm.weight_hh_l0', { shape: [2, 3], values: Float32Array.of(1.5, -2, 3.25, 0, 1e-30, -0) }],
  ['lstm.bias', { shape: [3], values: Float32Array.of(Number.NaN, Infinity, -Infinity) }],
  ['ids', { shape: [2, 2], values: Int32Array.of(7, -8, 2147483647, -2147483648) }],
  ['moments', { shape: [], values: Float64Array.of(0.1) }],
  ['nothing', { shape: [0, 4], values: new Float32Array(0) }],
  ['größe "x"\n', { shape: [1], values: Float32Array.of(4) }],
]);

/** A file by hand: a header as text, then data. */
function file(header: string, data: readonly number[] = [], lengthSaid?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, lengthSaid ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const one = (dtype: string, data: number[], shape: number[] = [1]) =>
  parseSafetensors(file(`{"x":{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[0,${data.length}]}}`, data)).tensors.get('x')!.values;

describe('safetensors', () => {
  it('gives back the bits that were written', () => {
    const parsed = parseSafetensors(formatSafetensors(tensors, { b: 'zwei', a: '1' }));
    expect(parsed.metadata).toEqual({ a: '1', b: 'zwei' });
    expect([...parsed.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { shape, values }] of tensors) {
      expect(parsed.tensors.get(name)!.shape).toEqual(shape);
      expect(parsed.tensors.get(name)!.values).toEqual(values);
    }
  });

  it('reads a Node Buffer that lies anywhere in its pool', () => {
    const bytes = formatSafetensors(tensors);
    const parsed = parseSafetensors(Buffer.concat([Buffer.from('abc'), bytes]).subarray(3));
    for (const [name, { values }] of tensors) expect(parsed.tensors.get(name)!.values).toEqual(values);
  });

  it('writes the same bytes whatever the order of tensors and metadata', () => {
    const reversed = new Map([...tensors].reverse());
    expect(formatSafetensors(reversed, { a: '1', b: '2' })).toEqual(formatSafetensors(tensors, { b: '2', a: '1' }));
  });

  it('begins its data at a multiple of 8 and aligns each tensor to its elements', () => {
    const bytes = formatSafetensors(tensors);
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    expect(header.moments.data_offsets).toEqual([0, 8]);
    for (const name of tensors.keys()) expect(header[name].data_offsets[0] % tensors.get(name)!.values.BYTES_PER_ELEMENT).toBe(0);
  });

  it('reads one tensor without the others', async () => {
    const ranges: [number, number][] = [];
    const bytes = formatSafetensors(tensors, { k: 'v' });
    const whole = bytesSource(bytes);
    const reader = await openSafetensors({
      ...whole,
      read: (offset, length) => {
        ranges.push([offset, length]);
        return whole.read(offset, length);
      },
    });
    expect(reader.metadata).toEqual({ k: 'v' });
    expect((await reader.tensor('ids')).values).toEqual(tensors.get('ids')!.values);
    expect(ranges.at(-1)![1]).toBe(16);
    await expect(reader.tensor('idz')).rejects.toThrow('tensor "idz": there is no tensor of this name');
  });

  it('decodes the other dtypes as PyTorch wrote them', () => {
    // torch.tensor([1.5, -65504, 6e-8, inf]).half() and .bfloat16()
    expect([...one('F16', [0x00, 0x3e, 0xff, 0xfb, 0x01, 0x00, 0x00, 0x7c], [4])]).toEqual([1.5, -65504, 2 ** -24, Infinity]);
    expect([...one('BF16', [0xc0, 0x3f, 0x80, 0xc7, 0x80, 0xff], [3])]).toEqual([1.5, -65536, -Infinity]);
    expect(one('I64', [5, 0, 0, 0, 0, 0, 0, 0])).toEqual(Int32Array.of(5));
    expect(one('I64', [0, 0, 0, 0, 1, 0, 0, 0])).toEqual(Float64Array.of(2 ** 32));
    expect(one('U8', [0, 255], [2])).toEqual(Int32Array.of(0, 255));
    expect(one('BOOL', [0, 1], [2])).toEqual(Int32Array.of(0, 1));
    expect(() => one('I64', [0, 0, 0, 0, 0, 0, 0, 64])).toThrow(
      'expected integers within ±2^53, received 4611686018427387904 at element 0',
    );
  });

  it('reads the layout that the reference implementation writes', () => {
    // safetensors.torch.save({"a": torch.ones(1), "b": torch.zeros(2, dtype=torch.int32)}, {"format": "pt"})
    const header =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"I32","shape":[2],"data_offsets":[4,12]}}   ';
    const parsed = parseSafetensors(file(header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0]));
    expect(parsed.tensors.get('a')!.values).toEqual(Float32Array.of(1));
    expect(parsed.tensors.get('b')!.values).toEqual(Int32Array.of(0, 0));
  });
});

describe('a safetensors file that lies', () => {
  const entry = (fields: string) => `{"x":{${fields}}}`;
  const cases: [string, Uint8Array, RegExp][] = [
    ['has no bytes', new Uint8Array(0), /byte 0: expected a safetensors file, received 0 bytes/],
    ['ends in its length', new Uint8Array(7), /received 7 bytes/],
    ['says its header is longer than the file', file('{}', [], 3n), /received a header of 3 bytes/],
    ['says its header is enormous', file('{}', [], 2n ** 63n), /received a header of 9223372036854775808 bytes/],
    ['is not JSON', file('{"x":'), /byte 8: expected a header of JSON/],
    ['is not UTF-8', new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]), /header in UTF-8/],
    ['is a list', file('[]'), /a JSON object/],
    ['is deep', file(`${'['.repeat(100_000)}`), /byte 11: expected a header at most 3 levels deep/],
    ['names a tensor twice', file('{"x":{},"\\u0078":{}}'), /byte 16: expected each key once, received "\\u0078" twice/],
    ['names a field twice', file(entry('"dtype":"F32","dtype":"F32"')), /received "dtype" twice/],
    [
      'has an unknown dtype',
      file(entry('"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]'), [0]),
      /byte 9, tensor "x": expected a dtype among F64.*received "F8_E4M3"/,
    ],
    ['has a dtype from the prototype', file(entry('"dtype":"toString","shape":[1],"data_offsets":[0,1]'), [0]), /received "toString"/],
    ['has a negative size', file(entry('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), [0]), /shape of whole numbers, received \[-1\]/],
    ['has a size that overflows', file(entry('"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]')), /below 2\^53 bytes/],
    ['has offsets backwards', file(entry('"dtype":"U8","shape":[1],"data_offsets":[1,0]'), [0]), /\[begin, end\], received \[1,0\]/],
    [
      'has a shape of other bytes',
      file(entry('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), [0, 0, 0, 0]),
      /expected 8 bytes for F32 \[2\], received data_offsets of 4/,
    ],
    ['has a gap', file(entry('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), [0, 0]), /begins at 0, .* received 1/],
    ['is cut off', file(entry('"dtype":"U8","shape":[3],"data_offsets":[0,3]'), [0, 0]), /The file is cut off/],
    [
      'has bytes left over',
      file(entry('"dtype":"U8","shape":[1],"data_offsets":[0,1]'), [0, 0]),
      /expected 1 bytes of data, .* received 2/,
    ],
    [
      'overlaps',
      file('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}', [0, 0, 0]),
      /tensor "b": expected data that begins at 2/,
    ],
    ['has metadata that is not text', file('{"__metadata__":{"a":1}}'), /metadata "a" to be text, received number/],
  ];
  it.each(cases)('%s: says so', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'm.safetensors')).toThrow(message);
    expect(() => parseSafetensors(bytes, 'm.safetensors')).toThrow(FormatError);
  });

  it('in 10,000 ways: a FormatError or a file, never anything else', () => {
    const rng = new Random(20261123);
    const good = formatSafetensors(tensors, { unrolled: '{"task":"language-model"}' });
    const headerEnd = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      const bytes = mutate(good, headerEnd, rng);
      try {
        for (const { values, shape } of parseSafetensors(bytes).tensors.values()) {
          expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
          expect(values.length).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(7000);
  });
});

/** Flipped bits, a cut, more bytes, or a lie in the header: a number or a piece of it replaced. */
function mutate(good: Uint8Array, headerEnd: number, rng: Random): Uint8Array {
  switch (rng.integer(5)) {
    case 0: {
      const bytes = good.slice();
      for (let n = 1 + rng.integer(4); n > 0; n--) bytes[rng.integer(headerEnd)] ^= 1 << rng.integer(8);
      return bytes;
    }
    case 1:
      return good.slice(0, rng.integer(good.length));
    case 2: {
      const bytes = new Uint8Array(good.length + 1 + rng.integer(64));
      bytes.set(good);
      return bytes;
    }
    case 3: {
      const header = new TextDecoder().decode(good.subarray(8, headerEnd));
      const lies = ['0', '1', '-1', '1e999', '9007199254740993', '4294967296', 'null', '""', '[]', '{}', '0.5'];
      const numbers = [...header.matchAll(/\d+/g)];
      const { index, 0: number } = numbers[rng.integer(numbers.length)];
      const lying = header.slice(0, index) + lies[rng.integer(lies.length)] + header.slice(index + number.length);
      return file(lying, [...good.subarray(headerEnd)]);
    }
    default: {
      const bytes = good.slice();
      const from = 8 + rng.integer(headerEnd - 8);
      const to = 8 + rng.integer(headerEnd - 8);
      bytes.copyWithin(to, from, Math.min(headerEnd, from + 1 + rng.integer(32)));
      return bytes;
    }
  }
}
