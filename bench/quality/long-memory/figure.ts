/** The picture of docs/long-memory.md: the gradient through time, cell by cell, and under it what each cell learnt at which distance. */
import { writeFileSync } from 'node:fs';
import { finish, fullWidth, padding } from '../../../src/insight/figure/figure.ts';
import { faces } from '../../../src/insight/figure/fonts/latin.ts';
import { isStrong, unitClass } from '../../../src/insight/figure/marks.ts';
import { renderSvg, type Theme } from '../../../src/insight/figure/render.ts';
import { Scene } from '../../../src/insight/figure/scene.ts';
import { type Curve, drawLegend, drawLogChart } from '../../../src/insight/flow/log-chart.ts';
import { readResult } from '../../circumstances.ts';
import {
  distances,
  type GradientCurve,
  type LongMemory,
  type MemoryRun,
  type MemorySummary,
  remedyDistance,
  summaryOf,
} from './results.ts';

const columns = ['rnn', 'irnn', 'lstm', 'gru', 'esn'] as const;
const side = 62;
const gap = 14;
const columnWidth = (fullWidth - side - gap * (columns.length - 1)) / columns.length;
const chartHeight = 170;
const rowHeight = 26;
/** From what leaves the last step, down: below, float32 cannot square it. */
const decades = [-14, 2] as const;

/** @returns the height */
function draw(scene: Scene, { runs }: LongMemory): number {
  const runsOf = (problem: MemoryRun['problem'], network: string, T: number): readonly MemoryRun[] =>
    runs.filter((run) => run.problem === problem && run.network === network && run.T === T);
  const left = (k: number): number => side + k * (columnWidth + gap);
  const center = (k: number): number => left(k) + columnWidth / 2;

  scene.words(`The gradient on its way back, adding, T = ${remedyDistance}`, 0, 14, { size: 15, bold: true });
  const samples: Curve[] = [
    { x: [], y: [], ...line, label: '$‖∂L/∂h_t‖$ after training' },
    { x: [], y: [], ...line, faint: true, label: 'before it; each 1 at the last step' },
  ];
  drawLegend(scene, samples, 0, 42);
  const top = 84;
  columns.forEach((network, k) => {
    const [run] = runsOf('adding', network, remedyDistance);
    scene.words(run?.label ?? network, center(k), top - 14, { anchor: 'middle', bold: true });
    const curves = run?.gradient
      ? [
          { ...relative(run.gradient.before), ...line, faint: true },
          { ...relative(run.gradient.after), ...line },
        ]
      : [];
    const box = { x: k === 0 ? 20 : left(k), y: top, width: k === 0 ? columnWidth + side - 20 : columnWidth, height: chartHeight };
    const xTicks = [
      { at: 0, text: '0', anchor: 'start' },
      { at: remedyDistance - 1, text: String(remedyDistance - 1), anchor: 'end' },
    ] as const;
    drawLogChart(scene, { box, curves, xRange: [0, remedyDistance - 1], xLabel: '', xTicks, hasNumbers: k === 0, decades });
    if (curves.length === 0) {
      scene.box('paper', { x: center(k) - 56, y: top + chartHeight / 2 - 22, width: 112, height: 40 }, 4);
      scene.words('no gradient:', center(k), top + chartHeight / 2 - 6, { anchor: 'middle', role: 'soft' });
      scene.words('a readout is solved', center(k), top + chartHeight / 2 + 11, { anchor: 'middle', role: 'soft' });
    }
  });
  scene.words('step $t$', 0, top + chartHeight + 17, { size: 12, role: 'soft' });

  let y = top + chartHeight + 56;
  for (const [problem, name] of [
    ['adding', 'Adding'],
    ['copy', 'Copy memory'],
  ] as const) {
    scene.words(name, 0, y, { size: 15, bold: true });
    if (problem === 'adding') {
      scene.words('solved after so many steps of training; else the error, as a share of that of guessing', 96, y, {
        role: 'soft',
      });
    }
    y += 14;
    for (const T of distances) {
      scene.words(`T = ${T}`, 0, y + 17, { size: 12 });
      columns.forEach((network, k) => {
        const summary = summaryOf(runsOf(problem, network, T));
        if (summary === null) scene.words('–', center(k), y + 17, { anchor: 'middle', role: 'soft' });
        else cell(scene, summary, { x: left(k), y, width: columnWidth, height: rowHeight - 4 });
      });
      y += rowHeight;
    }
    y += 34;
  }
  return y - 34;
}

const line = { role: 'gradient', dashed: true, end: 'left', width: 2 } as const;

function relative({ times, norms }: GradientCurve): { x: readonly number[]; y: number[] } {
  const last = norms.at(-1)!;
  return { x: times, y: norms.map((norm) => norm / last) };
}

function cell(
  scene: Scene,
  { solved, of, share, text }: MemorySummary,
  box: { x: number; y: number; width: number; height: number },
): void {
  const shade = unitClass(solved > 0 ? (0.9 * solved) / of : Math.max(0, 1 - share) * 0.55);
  scene.box('value', box, 0, shade);
  scene.words(text, box.x + box.width / 2, box.y + 16, { anchor: 'middle', isInverse: isStrong(shade) });
}

/** The picture; `theme` other than 'auto' and `placed` for renderers without media queries. */
export function longMemoryFigure(result: LongMemory, theme: Theme = 'auto', placed = false): string {
  const content = new Scene();
  const height = content.at(padding, padding, () => draw(content, result));
  const { scene, size, defaultWidth } = finish(content, fullWidth, height);
  return renderSvg(scene, {
    size,
    width: defaultWidth,
    theme,
    language: 'en',
    title: 'Long memory: gradients through time, and what is learnt at which distance',
    description:
      'Adding and copy memory at distances of 50 to 1000 steps for five recurrent networks, with the norm of the gradient through time before and after training.',
    fonts: placed ? [] : faces,
    isPlaced: placed,
    isMoving: false,
  });
}

export const longMemoryPicture = new URL('../../../docs/images/long-memory.svg', import.meta.url);

/** Where there are results. */
export function writeLongMemoryFigure(): void {
  const result = readResult<LongMemory>('long-memory');
  if (result !== null) writeFileSync(longMemoryPicture, longMemoryFigure(result));
}
