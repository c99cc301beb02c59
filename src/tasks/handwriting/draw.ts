/** Ink as a picture: each recognised character in a colour of its own, and named below it. Made from strings; no DOM. */
import type { RecognizedCharacter } from './character-spans.ts';
import { boxOf } from './geometry.ts';
import type { Ink } from './ink.ts';

/** What is written on the picture, and how large it is. */
export interface DrawInkOptions {
  /** What the ink says, above it; default: the characters that are given, in one. */
  readonly title?: string;
  /** In pixels. Default 800. */
  readonly width?: number;
}

// Okabe & Ito (2008): told apart by all who see colours in any way. Yellow is too light for lines.
const light = ['#0072B2', '#D55E00', '#009E73', '#AA4499', '#B07600', '#56A0D0'];
const dark = ['#5BB0F0', '#FF8A4C', '#3FCB9E', '#E58AC8', '#F0B93A', '#A5D8FF'];

const margin = { top: 64, side: 32, bottom: 64 };
const highest = 360;

/**
 * Draws ink and what it was read as. It suits a light page and a dark one; a small ring stands where each
 * stroke begins.
 *
 * @param characters of `recognize`; ink that no character holds is grey
 * @example writeFileSync('note.svg', drawInk(ink, (await recognize(recognizer, [ink]))[0].characters));
 */
export function drawInk(ink: Ink, characters: readonly RecognizedCharacter[] = [], options: DrawInkOptions = {}): string {
  const { width = 800, title = characters.map(({ character }) => character).join('') } = options;
  const box = boxOf(ink.strokes);
  const [w, h] = [Math.max(box.right - box.left, 1e-9), Math.max(box.bottom - box.top, 1e-9)];
  const scale = Math.min((width - 2 * margin.side) / w, highest / h);
  const height = Math.round(margin.top + h * scale + margin.bottom);
  const place = (stroke: number, point: number): readonly [number, number] => {
    const { x, y } = ink.strokes[stroke];
    return [(width - w * scale) / 2 + (x[point] - box.left) * scale, margin.top + (y[point] - box.top) * scale];
  };
  const bottom = margin.top + h * scale + 28;
  const parts = characters.map((character, i) => drawCharacter(character, i % light.length, place, bottom));
  const known = new Set(characters.flatMap(({ strokes = [] }) => strokes.map(({ stroke }) => stroke)));
  const rest = ink.strokes.flatMap(({ x }, stroke) => (known.has(stroke) ? [] : [line(place, stroke, 0, x.length - 1)]));
  const starts = ink.strokes.map((_, stroke) => {
    const [x, y] = place(stroke, 0);
    return `<circle cx="${round(x)}" cy="${round(y)}" r="2"/>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${xmlText(`Ink that reads: ${title}`)}" class="ink">`,
    style(),
    `<rect class="page" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${margin.side}" y="34">${xmlText(title)}</text>`,
    ...(rest.length === 0 ? [] : [`<g class="rest">${rest.join('')}</g>`]),
    ...parts,
    `<g class="starts">${starts.join('')}</g>`,
    '</svg>',
    '',
  ].join('\n');
}

type Place = (stroke: number, point: number) => readonly [number, number];

function drawCharacter({ character, probability, strokes = [] }: RecognizedCharacter, color: number, place: Place, bottom: number): string {
  const lines = strokes.map(({ stroke, first, last }) => line(place, stroke, first, last));
  const xs = strokes.flatMap(({ stroke, first, last }) => Array.from({ length: last - first + 1 }, (_, i) => place(stroke, first + i)[0]));
  if (xs.length === 0) return '';
  const middle = round((Math.min(...xs) + Math.max(...xs)) / 2);
  const percent = `${Math.round(100 * probability)} %`;
  return [
    `<g class="c${color}"><title>${xmlText(`${character}, ${percent}`)}</title>${lines.join('')}`,
    `<text class="label" x="${middle}" y="${round(bottom)}">${xmlText(character === ' ' ? '␣' : character)}</text>`,
    `<text class="percent" x="${middle}" y="${round(bottom + 20)}">${percent}</text></g>`,
  ].join('');
}

/** Points first … last, joined to the one before, so that no gap is left where characters meet. A single point is a dot. */
function line(place: Place, stroke: number, first: number, last: number): string {
  const from = Math.max(0, first - 1);
  const points = Array.from({ length: last - from + 1 }, (_, i) =>
    place(stroke, from + i)
      .map(round)
      .join(' '),
  );
  return `<path d="M ${points.join(' L ')}${points.length === 1 ? ' h 0' : ''}"/>`;
}

function style(): string {
  const colors = (of: readonly string[]): string => of.map((color, i) => `--c${i}: ${color};`).join(' ');
  const classes = light.map((_, i) => `.ink .c${i} path { stroke: var(--c${i}); } .ink .c${i} .label { fill: var(--c${i}); }`);
  return `<style>
  .ink { --page: #ffffff; --text: #1d2430; --quiet: #677084; --rest: #b4bac6; ${colors(light)}
    font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .ink { --page: #12161f; --text: #e8ecf4; --quiet: #949eb3; --rest: #4b5468; ${colors(dark)} }
  }
  .ink .page { fill: var(--page); }
  .ink .title { font-size: 18px; font-weight: 600; fill: var(--text); }
  .ink path { fill: none; stroke: var(--rest); stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
  .ink .label { font-size: 20px; font-weight: 600; text-anchor: middle; }
  .ink .percent { fill: var(--quiet); text-anchor: middle; }
  .ink .starts { fill: var(--page); stroke: var(--quiet); }
  ${classes.join('\n  ')}
</style>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xmlText(text: string): string {
  const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => escapes[character]);
}
