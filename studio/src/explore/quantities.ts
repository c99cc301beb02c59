/** Names of a cell's quantities, and how their values are shown. */
import type { FigureQuantity } from 'unrolled';
import type { CellFrame } from './engine.ts';
import type { CellName } from './settings.ts';

export const quantityTitles: Readonly<Record<string, string>> = {
  h: 'hidden state',
  c: 'cell state',
  f: 'forget gate',
  i: 'input gate',
  g: 'candidate',
  o: 'output gate',
  r: 'reset gate',
  z: 'update gate',
  n: 'candidate',
};

/** From the top: states, then what makes them. */
export const quantitiesOf: Readonly<Record<CellName, readonly FigureQuantity[]>> = {
  rnn: ['h'],
  gru: ['h', 'z', 'r', 'n'],
  lstm: ['h', 'c', 'f', 'i', 'g', 'o'],
};

export const isGate = (quantity: string): boolean => 'fiozr'.includes(quantity);

/** The value of full colour: 1, or what a state without bounds has reached. */
export function scaleOf(frame: CellFrame, quantity: string): number {
  if (isGate(quantity)) return 1;
  const values = frame.values[quantity];
  let largest = 0;
  for (const value of values) if (Math.abs(value) > largest && Number.isFinite(value)) largest = Math.abs(value);
  return roundScale(largest);
}

/** The next of 1, 2, 5, 10, 20, …: a scale that changed with every frame would flicker. */
export function roundScale(largest: number): number {
  if (largest <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 5, 10].map((factor) => factor * power).find((scale) => scale >= largest) ?? largest;
}

export function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value < 0 ? '−∞' : '∞';
  const size = Math.abs(value);
  const text = size >= 1000 ? value.toExponential(1) : size >= 100 ? value.toFixed(0) : value.toFixed(2);
  return text.replace(/^-(?=[0.]*$)/, '').replaceAll('-', '−');
}
