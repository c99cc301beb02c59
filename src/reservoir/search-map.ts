/** What a search found, as a picture: each pair of options as a map of scores, each option alone above. SVG from strings; no DOM. */
import type { SearchTrial } from './search.ts';
import { positionIn, type Searchable, type SearchRange, type SearchSpace } from './search-space.ts';

/** What is written on a map. */
export interface SearchMapOptions {
  readonly space: SearchSpace;
  readonly title?: string;
  /** Of the scores: "nrmse", "error". */
  readonly scoreLabel?: string;
  /** In pixels. Default 220 for each option, and margins. */
  readonly width?: number;
}

const words: Readonly<Record<Searchable, string>> = {
  spectralRadius: 'spectral radius',
  leakRate: 'leak rate',
  inputScaling: 'input scaling',
  biasScaling: 'bias scaling',
  feedbackScaling: 'feedback scaling',
  density: 'density',
  noise: 'noise',
};

/** Cividis at nine places, from the best score to the worst: it rises evenly in lightness, for every kind of eye and in print. */
const colours = ['#00224e', '#123570', '#3b496c', '#575d6d', '#707173', '#8a8678', '#a59c74', '#c3b369', '#e1cc55'] as const;

/** Steps of colour in a surface: finer ones cannot be told apart. */
const shades = 32;

const headHeight = 74;
const margin = { left: 74, right: 22, bottom: 58 };
const gap = 14;

/**
 * A matrix of panels: below its diagonal the pairs of options, coloured by the score of what was tried nearby, with the trials as
 * points, larger where they were tried on more data; on the diagonal the score over each option alone. The best is marked in all.
 *
 * @param trials  as `searchReservoir` gave them; those that failed are crosses
 */
export function drawSearchMap(trials: readonly SearchTrial[], options: SearchMapOptions): string {
  const { space, title = 'Search', scoreLabel = 'score' } = options;
  const names = Object.keys(space) as Searchable[];
  const width = options.width ?? Math.max(480, margin.left + margin.right + names.length * 220);
  const panel = (width - margin.left - margin.right - gap * (names.length - 1)) / names.length;
  const height = headHeight + names.length * (panel + gap) - gap + margin.bottom;
  const done = trials.filter(({ score }) => Number.isFinite(score));
  const best = bestOf(done);
  const scale = scaleOf(done.map(({ score }) => score));
  const drawn: string[] = [];
  names.forEach((row, r) => {
    names.slice(0, r + 1).forEach((column, c) => {
      const place = { x: margin.left + c * (panel + gap), y: headHeight + r * (panel + gap), size: panel };
      const isAlone = r === c;
      drawn.push('<g>');
      drawn.push(
        ...(isAlone ? alone(done, best, column, space[column]!, place, scale) : pair(trials, best, [column, row], space, place, scale)),
      );
      if (r === names.length - 1) drawn.push(...xAxis(column, space[column]!, place));
      if (c === 0 && r > 0) drawn.push(...yAxis(row, space[row]!, place));
      if (isAlone) drawn.push(...scoreAxis(place, scale, r === 0 ? scoreLabel : null));
      drawn.push('</g>');
    });
  });
  const failed = trials.length - done.length;
  const count = `${trials.length} trials${failed > 0 ? `, ${failed} failed` : ''}`;
  const found = best === null ? 'no trial succeeded' : `best ${scoreLabel} ${short(best.score)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" aria-label="${xmlText(`${title}: ${found} in ${count}`)}" class="search">`,
    style,
    `<rect class="page" width="${round(width)}" height="${round(height)}" rx="10"/>`,
    `<text class="title" x="${margin.left}" y="30">${xmlText(title)}</text>`,
    `<text x="${margin.left}" y="50">${xmlText(`${count}; ${found}`)}</text>`,
    ...(done.length === 0 || names.length < 3
      ? []
      : legend(
          width - margin.right,
          scale,
          scoreLabel,
          best,
          trials.some(({ share }) => share < 1),
        )),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

const style = `<style>
  .search { --page: #ffffff; --ink: #1d2430; --quiet: #5c6579; --grid: #e6e9ef; --best: #d55e00;
    font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .search { --page: #12161f; --ink: #e8ecf4; --quiet: #a3adc2; --grid: #2b3343; --best: #ff9d5c; }
  }
  .search .page { fill: var(--page); }
  .search text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
  .search .title { fill: var(--ink); font-size: 17px; font-weight: 600; }
  .search .name { fill: var(--ink); font-size: 12.5px; font-weight: 600; }
  .search .frame { fill: none; stroke: var(--quiet); stroke-width: 1; shape-rendering: crispEdges; }
  .search .grid { stroke: var(--grid); stroke-width: 1; shape-rendering: crispEdges; }
  .search .cell { shape-rendering: crispEdges; }
  .search .trial { stroke: #ffffff; stroke-width: 1; }
  .search .failed { stroke: var(--quiet); stroke-width: 1.25; fill: none; }
  .search .best { fill: none; stroke: var(--best); stroke-width: 2.5; }
</style>`;

interface Place {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/** Scores on a logarithmic scale where they span more than a decade of what is above 0. */
interface Scale {
  readonly low: number;
  readonly high: number;
  readonly isLog: boolean;
  /** In [0, 1]; 0 is the best. What is worse than `high` is 1. */
  at(score: number): number;
}

function scaleOf(scores: readonly number[]): Scale {
  const sorted = [...scores].sort((a, b) => a - b);
  if (sorted.length === 0) return { low: 0, high: 1, isLog: false, at: () => 0 };
  const [low] = sorted;
  // The worst tenth does not stretch the scale: it is shown as bad as the worst of the others.
  const most = sorted[Math.floor(0.9 * (sorted.length - 1))];
  const high = most > low ? most : low + Math.max(1e-9, Math.abs(low) * 0.1);
  const isLog = low > 0 && high / low > 10;
  const at = (score: number) => (isLog ? Math.log(score / low) / Math.log(high / low) : (score - low) / (high - low));
  return { low, high, isLog, at: (score) => Math.min(1, Math.max(0, at(score))) };
}

/** The surface behind the points: at each cell the mean of the trials' places on the scale, near ones counting more. */
function pair(
  trials: readonly SearchTrial[],
  best: SearchTrial | null,
  [column, row]: readonly [Searchable, Searchable],
  space: SearchSpace,
  { x, y, size }: Place,
  scale: Scale,
): string[] {
  const placed = trials.map((trial) => ({
    trial,
    u: positionIn(space[column]!, trial.point[column]!),
    v: positionIn(space[row]!, trial.point[row]!),
    isDone: Number.isFinite(trial.score),
  }));
  const done = placed.filter(({ isDone }) => isDone);
  const cells = 20;
  const surface: string[] = [];
  // As wide as trials are apart.
  const reach = 0.6 / Math.sqrt(Math.max(4, done.length));
  const side = size / cells;
  for (let j = 0; done.length > 0 && j < cells; j++) {
    const row = Array.from({ length: cells }, (_, i) =>
      colourAt(Math.round(smooth(done, (i + 0.5) / cells, (j + 0.5) / cells) * shades) / shades),
    );
    // Neighbours of one colour are one rectangle.
    for (let i = 0; i < cells; ) {
      let end = i + 1;
      while (end < cells && row[end] === row[i]) end++;
      surface.push(
        `<rect class="cell" x="${round(x + i * side)}" y="${round(y + size - (j + 1) * side)}" width="${round((end - i) * side + 0.1)}" height="${round(side + 0.1)}" fill="${row[i]}"/>`,
      );
      i = end;
    }
  }

  function smooth(known: typeof done, u: number, v: number): number {
    let sum = 0;
    let total = 1e-30;
    for (const one of known) {
      const weight = Math.exp(-((one.u - u) ** 2 + (one.v - v) ** 2) / (2 * reach ** 2)) + 1e-9;
      sum += weight * scale.at(one.trial.score);
      total += weight;
    }
    return sum / total;
  }

  const at = (u: number, v: number) => [round(x + u * size), round(y + (1 - v) * size)] as const;
  // The best last, so that nothing covers it.
  const points = [...placed]
    .sort((a, b) => b.trial.score - a.trial.score)
    .map(({ trial, u, v, isDone }) => {
      const [px, py] = at(u, v);
      if (!isDone) return `<path class="failed" d="M${px - 3},${py - 3}l6,6m0,-6l-6,6"/>`;
      return `<circle class="trial" cx="${px}" cy="${py}" r="${round(2 + 2 * Math.sqrt(trial.share))}" fill="${colourAt(scale.at(trial.score))}"/>`;
    });
  const mark =
    best === null ? [] : [bestMark(...at(positionIn(space[column]!, best.point[column]!), positionIn(space[row]!, best.point[row]!)))];
  return [
    ...surface,
    `<rect class="frame" x="${round(x)}" y="${round(y)}" width="${round(size)}" height="${round(size)}"/>`,
    ...points,
    ...mark,
  ];
}

/** The scores over one option: the better, the lower. */
function alone(
  done: readonly SearchTrial[],
  best: SearchTrial | null,
  name: Searchable,
  range: SearchRange,
  { x, y, size }: Place,
  scale: Scale,
): string[] {
  const at = (trial: SearchTrial) => {
    const inset = 8;
    return [
      round(x + positionIn(range, trial.point[name]!) * size),
      round(y + size - inset - scale.at(trial.score) * (size - 2 * inset)),
    ] as const;
  };
  const points = [...done]
    .sort((a, b) => b.score - a.score)
    .map((trial) => {
      const [px, py] = at(trial);
      return `<circle class="trial" cx="${px}" cy="${py}" r="${round(2 + 2 * Math.sqrt(trial.share))}" fill="${colourAt(scale.at(trial.score))}"/>`;
    });
  return [
    `<rect class="frame" x="${round(x)}" y="${round(y)}" width="${round(size)}" height="${round(size)}"/>`,
    ...points,
    ...(best === null ? [] : [bestMark(...at(best))]),
  ];
}

function bestMark(x: number, y: number): string {
  return `<circle class="best" cx="${x}" cy="${y}" r="8"/>`;
}

function xAxis(name: Searchable, range: SearchRange, { x, y, size }: Place): string[] {
  const bottom = y + size;
  return [
    ...ticksOf(range).flatMap((value) => {
      const at = round(x + positionIn(range, value) * size);
      return [
        `<line class="grid" x1="${at}" x2="${at}" y1="${round(bottom)}" y2="${round(bottom + 5)}"/>`,
        `<text x="${at}" y="${round(bottom + 18)}" text-anchor="middle">${short(value)}</text>`,
      ];
    }),
    `<text class="name" x="${round(x + size / 2)}" y="${round(bottom + 40)}" text-anchor="middle">${words[name]}</text>`,
  ];
}

function yAxis(name: Searchable, range: SearchRange, { x, y, size }: Place): string[] {
  const middle = round(y + size / 2);
  const left = round(x - 52);
  return [
    ...ticksOf(range).flatMap((value) => {
      const at = round(y + (1 - positionIn(range, value)) * size);
      return [
        `<line class="grid" x1="${round(x - 5)}" x2="${round(x)}" y1="${at}" y2="${at}"/>`,
        `<text x="${round(x - 9)}" y="${at + 4}" text-anchor="end">${short(value)}</text>`,
      ];
    }),
    `<text class="name" x="${left}" y="${middle}" text-anchor="middle" transform="rotate(-90 ${left} ${middle})">${words[name]}</text>`,
  ];
}

/** What the height says in the panels of one option: on their right, where no pair stands. */
function scoreAxis({ x, y, size }: Place, { low, high, isLog }: Scale, label: string | null): string[] {
  const inset = 8;
  const place = (text: string, at: number, anchor: string) =>
    `<text x="${round(x + (anchor === 'end' ? -9 : 6))}" y="${round(at)}" text-anchor="${anchor}">${text}</text>`;
  if (label === null) return [];
  return [
    place(short(low), y + size - inset + 4, 'end'),
    place(`≥ ${short(high)}`, y + inset + 4, 'end'),
    `<text class="name" x="${round(x - 52)}" y="${round(y + size / 2)}" text-anchor="middle" transform="rotate(-90 ${round(x - 52)} ${round(y + size / 2)})">${xmlText(label)}${isLog ? ', log' : ''}</text>`,
  ];
}

/** Where no pair stands, right of the diagonal: the colours, the sizes, and the best point in words. */
function legend(right: number, { low, high, isLog }: Scale, label: string, best: SearchTrial | null, isHalving: boolean): string[] {
  const bar = 200;
  const left = right - bar;
  const y = headHeight + 14;
  const steps = 40;
  const cells = Array.from(
    { length: steps },
    (_, i) =>
      `<rect class="cell" x="${round(left + (i * bar) / steps)}" y="${y}" width="${round(bar / steps)}" height="12" fill="${colourAt((i + 0.5) / steps)}"/>`,
  );
  const point = best === null ? [] : (Object.entries(best.point) as [Searchable, number][]);
  const lineHeight = 18;
  const under = y + 58;
  return [
    `<text class="name" x="${left}" y="${y - 8}">${xmlText(label)}${isLog ? ', log scale' : ''}</text>`,
    ...cells,
    `<text x="${left}" y="${y + 28}">${short(low)}, best</text>`,
    `<text x="${right}" y="${y + 28}" text-anchor="end">≥ ${short(high)}</text>`,
    `<circle class="best" cx="${left + 8}" cy="${under - 4}" r="7"/>`,
    `<text x="${left + 24}" y="${under}">best point</text>`,
    ...point.flatMap(([name, value], i) => [
      `<text x="${left + 24}" y="${under + (i + 1) * lineHeight}">${words[name]}</text>`,
      `<text class="name" x="${right}" y="${under + (i + 1) * lineHeight}" text-anchor="end">${short(value)}</text>`,
    ]),
    ...(isHalving ? [`<text x="${left}" y="${under + (point.length + 1) * lineHeight + 8}">larger points: tried on more data</text>`] : []),
  ];
}

/** Three to five round numbers. */
function ticksOf({ low, high, scale }: SearchRange): number[] {
  if (scale === 'log') {
    const all: number[] = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++) all.push(10 ** decade);
    const inside = all.filter((value) => value >= low * 0.999 && value <= high * 1.001);
    return inside.length >= 2 ? inside : [...new Set([low, ...inside, high])];
  }
  const step = [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10].find((size) => (high - low) / size <= 5) ?? (high - low) / 4;
  const first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, i) => Number((first + i * step).toPrecision(6)));
}

function bestOf(trials: readonly SearchTrial[]): SearchTrial | null {
  return trials.reduce<SearchTrial | null>((best, trial) => {
    if (best === null || trial.share > best.share) return trial;
    return trial.share === best.share && trial.score < best.score ? trial : best;
  }, null);
}

function colourAt(position: number): string {
  const scaled = Math.min(1, Math.max(0, position)) * (colours.length - 1);
  const i = Math.min(colours.length - 2, Math.floor(scaled));
  const part = (hex: string, k: number) => Number.parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => Math.round(part(colours[i], k) + (scaled - i) * (part(colours[i + 1], k) - part(colours[i], k))));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

function short(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) < 0.001 || Math.abs(value) >= 10_000 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
