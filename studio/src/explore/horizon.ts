/** How far back a prediction depends on its inputs, told from the norms of ∂L/∂h_t. */
import { type CellName, cellTitles } from './settings.ts';

/** What is left of an influence where it is called gone. */
export const gone = 0.01;

export type Reach =
  /** Falls to 1 % after so many steps. */
  | { readonly kind: 'falls'; readonly steps: number }
  /** Is still so large, as a share, after all steps there are. */
  | { readonly kind: 'stays'; readonly share: number; readonly steps: number }
  /** Has grown so many times. */
  | { readonly kind: 'grows'; readonly factor: number; readonly steps: number }
  /** There is no gradient, or it is no number. */
  | { readonly kind: 'none' };

/** @param gradient norms by step, [T]; @param from the step of the loss */
export function reachOf(gradient: ArrayLike<number>, from: number): Reach {
  const start = gradient[from];
  if (!(start > 0) || !Number.isFinite(start)) return { kind: 'none' };
  let largest = 1;
  for (let back = 1; back <= from; back++) {
    const share = gradient[from - back] / start;
    if (!Number.isFinite(share)) return { kind: 'grows', factor: Number.POSITIVE_INFINITY, steps: back };
    if (share <= gone) return { kind: 'falls', steps: back };
    largest = Math.max(largest, share);
  }
  const share = gradient[0] / start;
  return share >= 10 ? { kind: 'grows', factor: share, steps: from } : { kind: 'stays', share, steps: from };
}

/** "LSTM: influence falls to 1 % after 47 steps" */
export function tellReach(cell: CellName, reach: Reach): string {
  const name = cellTitles[cell];
  switch (reach.kind) {
    case 'falls':
      return `${name}: influence falls to 1 % after ${counted(reach.steps)}`;
    case 'stays':
      return `${name}: still ${percent(reach.share)} after all ${counted(reach.steps)}`;
    case 'grows':
      return `${name}: grows ${times(reach.factor)} over ${counted(reach.steps)}`;
    case 'none':
      return `${name}: no gradient`;
    default:
      throw new Error(`unreachable: ${reach satisfies never}`);
  }
}

const counted = (steps: number): string => `${steps} step${steps === 1 ? '' : 's'}`;

function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} %`;
}

function times(factor: number): string {
  if (!Number.isFinite(factor)) return 'without bound';
  return `${factor >= 1000 ? `10${superscript(Math.round(Math.log10(factor)))}` : factor.toFixed(0)} times`;
}

/** −12 → ⁻¹² */
export function superscript(exponent: number): string {
  return [...String(exponent)].map((sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)])).join('');
}
