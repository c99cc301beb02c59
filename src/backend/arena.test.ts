import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../tensor/errors.ts';
import { Arena, type Block, type SlabSource } from './arena.ts';

/** Slabs far apart, as the addresses of ArrayBuffers are. */
function separateSlabs(slabBytes: number): SlabSource<object> & { live: number } {
  let next = 4096;
  return {
    live: 0,
    advice: 'Advice.',
    grow(bytes) {
      const size = Math.max(bytes, slabBytes);
      const growth = { slab: { size }, pointer: next, bytes: size };
      next += size + 4096;
      this.live += size;
      return growth;
    },
    drop(slab) {
      this.live -= (slab as { size: number }).size;
      return true;
    },
  };
}

/** One slab that only grows, up to a limit, as a WebAssembly memory does. */
function oneSlab(limit: number): SlabSource<object> {
  const slab = {};
  let end = 1024;
  return {
    advice: 'Advice.',
    grow(bytes) {
      const size = Math.ceil(bytes / 65536) * 65536;
      if (end + size > limit) return null;
      end += size;
      return { slab, pointer: end - size, bytes: size };
    },
    drop: () => false,
  };
}

describe('Arena', () => {
  for (const [kind, source] of [
    ['separate slabs', () => separateSlabs(1 << 20)],
    ['one growing slab', () => oneSlab(2 ** 40)],
  ] as const) {
    it(`gives out blocks that do not overlap, and gets all of it back (${kind})`, () => {
      const action = fc.oneof(
        fc.record({
          allocate: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 3_000_000 }), fc.constant(5_000_000_000)),
        }),
        fc.record({ release: fc.nat() }),
      );
      fc.assert(
        fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
          const arena = new Arena(source());
          const live: { block: Block<object>; bytes: number }[] = [];
          let peak = 0;
          const inUse = () => live.reduce((sum, { bytes }) => sum + Math.max(64, Math.ceil(bytes / 64) * 64), 0);
          for (const step of actions) {
            if ('allocate' in step) {
              const block = arena.allocate(step.allocate);
              expect(block.pointer % 64).toBe(0);
              for (const other of live) {
                const apart = block.pointer + step.allocate <= other.block.pointer || other.block.pointer + other.bytes <= block.pointer;
                expect(apart && block.pointer !== other.block.pointer).toBe(true);
              }
              live.push({ block, bytes: step.allocate });
            } else if (live.length > 0) {
              const [{ block }] = live.splice(step.release % live.length, 1);
              arena.release(block);
            }
            peak = Math.max(peak, inUse());
            expect(arena.bytes).toBe(inUse());
            expect(arena.peakBytes).toBe(peak);
            expect(arena.heldBytes).toBeGreaterThanOrEqual(arena.bytes);
          }
          for (const { block } of live) arena.release(block);
          expect(arena.bytes).toBe(0);
          // All free memory joined again: the largest block there was room for fits without growing.
          const held = arena.heldBytes;
          if (kind === 'one growing slab' && held > 0) {
            arena.allocate(held);
            expect(arena.heldBytes).toBe(held);
          }
        }),
        { numRuns: 300 },
      );
    });
  }

  it('needs no more memory for a step than for the first', () => {
    const arena = new Arena(separateSlabs(1 << 20));
    const sizes = [100, 3_000_000, 640_000, 64, 640_000, 1_000_000, 77_777, 3_100_000];
    const step = () => {
      const blocks = sizes.map((bytes) => arena.allocate(bytes));
      for (const block of blocks) arena.release(block);
    };
    step();
    const held = arena.heldBytes;
    for (let i = 0; i < 1000; i++) step();
    expect(arena.heldBytes).toBe(held);
  });

  it('gives idle slabs back', () => {
    const source = separateSlabs(1 << 20);
    const arena = new Arena(source);
    const small = arena.allocate(64);
    arena.release(arena.allocate(100 << 20));
    expect(source.live).toBe(101 << 20);
    for (let i = 0; i < 200_000; i++) arena.release(arena.allocate(64));
    expect(source.live).toBe(1 << 20);
    expect(arena.heldBytes).toBe(1 << 20);
    arena.release(small);
  });

  it('says how much was asked for when there is no more', () => {
    const arena = new Arena(oneSlab(2 ** 21));
    arena.allocate(2 ** 20);
    expect(() => arena.allocate(2 ** 20)).toThrow(
      new BackendError('out of memory: 1.0 MB asked for, 1.0 MB in use (1.0 MB held). Advice.'),
    );
  });

  it('refuses to free twice', () => {
    const arena = new Arena(oneSlab(2 ** 21));
    const block = arena.allocate(100);
    arena.release(block);
    expect(() => arena.release(block)).toThrow(/free already/);
  });
});
