import type { Random } from '../../../src/tensor/random.ts';
import type { KernelCase } from '../kernel-case.ts';
import { type LayerOptions, recurrentCases } from './recurrent-layer.ts';

const cells = ['rnn', 'lstm', 'gru'] as const;

/** Every option of every cell alone; then combinations and sizes drawn at random; then what threads and blocks need. */
export function recurrentLayerCases(rng: Random): KernelCase[] {
  return [...eachOptionAlone(), ...cells.flatMap((cell) => Array.from({ length: 40 }, () => drawLayer(rng, cell))), ...large()].flatMap(
    (o) => recurrentCases(rng, o),
  );
}

function eachOptionAlone(): LayerOptions[] {
  const size = { T: 5, B: 3, H: 9 };
  return [
    ...cells.flatMap((cell): LayerOptions[] => [
      { cell, ...size },
      { cell, T: 1, B: 1, H: 1 },
      { cell, T: 0, B: 3, H: 5 },
      { cell, T: 4, B: 0, H: 5 },
      { cell, T: 6, B: 1, H: 8 },
      { cell, ...size, reverse: true },
      { cell, ...size, lengths: [2, 5, 4] },
      { cell, ...size, lengths: [0, 5, 1], reverse: true },
      { cell, ...size, lengths: [0, 0, 0] },
      { cell, ...size, mask: true },
      { cell, ...size, norm: true },
      { cell, ...size, dY: false },
      { cell, ...size, dHSquares: false },
      { cell, ...size, extreme: true },
      { cell, ...size, undefinedRow: true },
      { cell, ...size, undefinedRow: true, norm: true, mask: true, lengths: [3, 5, 4], reverse: true },
    ]),
    { cell: 'rnn', ...size, activation: 'relu' },
    { cell: 'rnn', ...size, activation: 'sigmoid' },
    { cell: 'lstm', ...size, peephole: true },
    { cell: 'lstm', ...size, projection: 4 },
    { cell: 'lstm', ...size, projection: 13 },
    { cell: 'lstm', ...size, cellNorm: true },
    { cell: 'gru', ...size, biasHn: true },
    { cell: 'gru', ...size, resetBefore: true },
    { cell: 'gru', ...size, resetBefore: true, biasHn: true, mask: true },
  ];
}

function drawLayer(rng: Random, cell: LayerOptions['cell']): LayerOptions {
  const pick = <V>(values: readonly V[]) => values[rng.integer(values.length)];
  const maybe = () => rng.integer(2) === 1;
  const T = pick([1, 2, 3, 7]);
  const B = pick([1, 2, 3, 4, 5, 8, 13, 16]);
  const H = pick([1, 2, 3, 5, 7, 8, 12, 16, 17, 24, 33, 40]);
  const resetBefore = cell === 'gru' && maybe();
  const flags: Record<string, boolean> = {
    reverse: maybe(),
    mask: maybe(),
    norm: maybe() && !resetBefore,
    ...(cell === 'lstm' ? { peephole: maybe(), cellNorm: maybe() } : {}),
    ...(cell === 'gru' ? { resetBefore, biasHn: maybe() } : {}),
  };
  return {
    cell,
    T,
    B,
    H,
    ...Object.fromEntries(Object.entries(flags).filter(([, isOn]) => isOn)),
    ...(maybe() ? { lengths: Array.from({ length: B }, () => rng.integer(T + 1)) } : {}),
    ...(cell === 'rnn' ? { activation: pick(['tanh', 'relu', 'sigmoid'] as const) } : {}),
    ...(cell === 'lstm' && maybe() ? { projection: pick([1, 3, 8, 11, 20]) } : {}),
    ...(maybe() ? {} : { dY: false }),
    ...(maybe() ? {} : { dHSquares: false }),
  };
}

function large(): LayerOptions[] {
  const lengths = (B: number, T: number) => Array.from({ length: B }, (_, b) => T - (b % (T + 1)));
  return cells.flatMap((cell): LayerOptions[] => [
    { cell, T: 4, B: 50, H: 64 },
    { cell, T: 3, B: 33, H: 96, lengths: lengths(33, 3), reverse: true },
    { cell, T: 2, B: 17, H: 130, mask: true, norm: true },
    { cell, T: 2, B: 1, H: 256 },
    { cell, T: 1, B: 2, H: 257 },
    { cell, T: 40, B: 2, H: 20 },
    ...columnsShared(cell),
  ]);
}

/** Too few rows for threads to share, and steps so large that they share the columns. */
function columnsShared(cell: LayerOptions['cell']): LayerOptions[] {
  const H = { rnn: 522, lstm: 261, gru: 301 }[cell];
  return [
    { cell, T: 10, B: 1, H },
    { cell, T: 4, B: 3, H, lengths: [4, 2, 3], reverse: true, mask: true },
    { cell, T: 9, B: 6, H, lengths: [9, 0, 7, 9, 1, 4] },
    { cell, T: 2, B: 7, H: H + 64 },
    ...(cell === 'lstm' ? [{ cell, T: 6, B: 2, H: 400, projection: 130, peephole: true, cellNorm: true }] : []),
    ...(cell === 'gru' ? [{ cell, T: 6, B: 2, H, biasHn: true }] : []),
  ];
}
