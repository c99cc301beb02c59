/** What the marks of the cells stand for, in rows of samples. */
import type { CellName } from './cells.ts';
import { rich } from './formula.ts';
import type { Labels } from './languages.ts';
import { type Quantity, roleOf } from './marks.ts';
import { letterSize, type Scene, wordSize } from './scene.ts';
import { widthOf } from './text.ts';

interface Entry {
  readonly cells: readonly CellName[];
  readonly label: keyof Labels;
  /** Width of the sample. */
  readonly width: number;
  draw(scene: Scene): void;
}

const all: readonly CellName[] = ['rnn', 'gru', 'lstm'];

/** A state is a rail, and its letter over it. */
const rail = (quantity: 'h' | 'c', cells: readonly CellName[], label: keyof Labels): Entry => ({
  cells,
  label,
  width: 30,
  draw: (scene) => scene.line(quantity, [0, 0, 30, 0], { width: 3, arrow: true }),
});

const boxWidth = 30;

/** A gate is a box with its letter; two letters where two cells have the same. */
const box = (quantities: readonly Quantity[], cells: readonly CellName[], label: keyof Labels): Entry => ({
  cells,
  label,
  width: boxWidth,
  draw: (scene) => {
    scene.box(roleOf[quantities[0]], { x: 0, y: -11, width: boxWidth, height: 22 }, 6);
    for (const [k, quantity] of quantities.entries()) {
      const x = quantities.length === 1 ? boxWidth / 2 : 9 + 12 * k;
      scene.formula(quantity, x, 4, { anchor: 'middle', size: letterSize });
    }
  },
});

/** In the order of rows: five to a row where they have room. */
function entriesOf(cells: readonly CellName[]): Entry[] {
  const candidates: Quantity[] = [...(cells.includes('lstm') ? (['g'] as const) : []), ...(cells.includes('gru') ? (['n'] as const) : [])];
  const entries = [
    rail('h', all, 'hiddenState'),
    rail('c', ['lstm'], 'cellState'),
    {
      cells: all,
      label: 'input',
      width: 30,
      draw: (scene) => scene.line('x', [0, 0, 30, 0], { arrow: true }),
    } satisfies Entry,
    { cells: ['gru', 'lstm'], label: 'pointwise', width: 20, draw: (scene) => scene.operator('×', 10, 0) } satisfies Entry,
    box(candidates, ['gru', 'lstm'], 'candidate'),
    box(['f'], ['lstm'], 'forget'),
    box(['i'], ['lstm'], 'inputGate'),
    box(['o'], ['lstm'], 'outputGate'),
    box(['z'], ['gru'], 'update'),
    box(['r'], ['gru'], 'reset'),
  ] satisfies Entry[];
  return entries.filter((entry) => entry.cells.some((cell) => cells.includes(cell)));
}

const rowHeight = 30;
const space = 22;
/** From a sample to its words. */
const sampleGap = 8;

/** @returns the height */
export function drawLegend(scene: Scene, labels: Labels, cells: readonly CellName[], width: number): number {
  const entries = entriesOf(cells);
  const widthOfEntry = ({ width: sample, label }: Entry): number => sample + sampleGap + widthOf(rich(labels[label], wordSize));
  /** Widths of the columns when there are so many. */
  const layout = (columns: number): number[] =>
    Array.from({ length: columns }, (_, k) => Math.max(...entries.filter((_, index) => index % columns === k).map(widthOfEntry)));
  const total = (columns: number): number => layout(columns).reduce((sum, column) => sum + column, 0);
  const columns = [5, 4, 3, 2].find((count) => count <= entries.length && total(count) + (count - 1) * space <= width) ?? 1;
  const gap = columns === 1 ? 0 : Math.min(48, (width - total(columns)) / (columns - 1));
  const lefts = layout(columns).map((_, k, widths) => widths.slice(0, k).reduce((sum, column) => sum + column + gap, 0));
  entries.forEach(({ label, width: sample, draw }, k) => {
    const x = lefts[k % columns];
    const y = Math.floor(k / columns) * rowHeight + 14;
    scene.at(x, y, () => draw(scene));
    scene.words(labels[label], x + sample + sampleGap, y + 4.5);
  });
  return Math.ceil(entries.length / columns) * rowHeight;
}
