/**
 * Kernels keep within the workspace that they ask for, and do not read what they have not written there: each is run with a
 * workspace of NaN between guards, on the native backend, whose memory can be looked at from here.
 */
import { describe, expect, test } from 'vitest';
import type { SlabSource } from '../../src/backend/arena.ts';
import type { Exports } from '../../src/backend/kernels/exports.ts';
import { KernelBackend } from '../../src/backend/kernels/kernel-backend.ts';
import type { Slab } from '../../src/backend/kernels/kernel-memory.ts';
import { type Addon, arrayBufferSlabs } from '../../src/backend/native.ts';
import { loadNative } from '../../src/backend/platform-node.ts';
import { ReferenceBackend } from '../../src/backend/reference/reference.ts';
import { Random } from '../../src/tensor/random.ts';
import { attentionCases } from './cases/attention.ts';
import { crfCases } from './cases/crf.ts';
import { ctcCases } from './cases/ctc.ts';
import { matrixProductCases } from './cases/matrix-product.ts';
import { planeCases } from './cases/planes.ts';
import { recurrentLayerCases } from './cases/recurrent.ts';
import { transducerCases } from './cases/transducer.ts';
import { aligned, difference, execute, type KernelCase } from './kernel-case.ts';

const guardFloats = 16;
const guard = Math.fround(4321.1234);

type Kernel = (...values: number[]) => number | undefined;

/** The kernels of an addon, with a guard behind each workspace that they are given. */
function guarded(addon: Addon): KernelBackend {
  const source = arrayBufferSlabs(addon);
  const slabs: Slab[] = [];
  const memory: SlabSource<Slab> = {
    advice: source.advice,
    grow(bytes) {
      const grown = source.grow(bytes);
      if (grown !== null) slabs.push(grown.slab);
      return grown;
    },
    drop: () => false,
  };
  const floatsAt = (pointer: number, length: number) => {
    const slab = slabs.find(({ address, buffer }) => pointer >= address && pointer + 4 * length <= address + buffer.byteLength)!;
    return new Float32Array(slab.buffer, pointer - slab.address, length);
  };

  const loaded = addon.load()!;
  const kernels: Record<string, Kernel> = {};
  for (const [name, value] of Object.entries(loaded) as unknown as [string, Kernel][]) {
    const needed = (loaded as unknown as Record<string, Kernel>)[`${name}_workspace`];
    if (name.endsWith('_workspace')) kernels[name] = (...sizes) => asked(name, value(...sizes)!);
    else kernels[name] = needed === undefined ? value : (...values) => check(name, value, values);
  }
  let length = 0;
  return new KernelBackend({
    name: 'native',
    vectors: 'guarded',
    kernels: kernels as unknown as Exports,
    entries: loaded.entries,
    memory,
    threads: addon.threads,
    setThreads: addon.setThreads,
  });

  function asked(name: string, floats: number): number {
    if (floats < 0) throw new Error(`${name} asks for ${floats} floats`);
    length = floats;
    return floats + guardFloats;
  }

  function check(name: string, kernel: Kernel, values: number[]): undefined {
    const block = floatsAt(values.at(-1)!, length + guardFloats);
    block.fill(Number.NaN, 0, length).fill(guard, length);
    kernel(...values);
    const i = block.subarray(length).findIndex((x) => x !== guard);
    if (i >= 0) throw new Error(`${name} asked for ${length} floats of workspace and wrote to number ${length + i}`);
  }
}

const search = loadNative();

describe.skipIf(!('addon' in search))(`workspaces${'reason' in search ? ` (skipped: ${search.reason})` : ''}`, () => {
  const reference = new ReferenceBackend();
  const sources: Record<string, (rng: Random) => KernelCase[]> = {
    'matrix product': matrixProductCases,
    'recurrent layers': recurrentLayerCases,
    'chains of tags': crfCases,
    'connectionist temporal classification': ctcCases,
    transducers: transducerCases,
    planes: planeCases,
    'decoders with attention': attentionCases,
  };

  test.each(Object.keys(sources).flatMap((source) => [1, 2, 3].map((threads) => [source, threads] as const)))(
    '%s, %i threads',
    (source, threads) => {
      if (!('addon' in search)) return;
      const before = search.addon.threads();
      const backend = guarded(search.addon);
      backend.setThreads(threads);
      const failures = sources[source](new Random(2)).flatMap((kernelCase) => {
        const failure = run(kernelCase);
        return failure === undefined ? [] : [`${kernelCase.kernel} ${kernelCase.label}: ${failure}`];
      });
      backend.setThreads(before);
      expect(failures).toEqual([]);

      function run(kernelCase: KernelCase): string | undefined {
        try {
          return difference(kernelCase, execute(backend, kernelCase, aligned), execute(reference, kernelCase, aligned));
        } catch (error) {
          return (error as Error).message;
        }
      }
    },
  );
});
