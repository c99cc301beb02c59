/** Text as runs of one style each, how wide it is, and how it breaks into lines. */
import { type Advances, advances } from './fonts/advances.ts';
import type { Role } from './marks.ts';

/** Letters of one style on one line. */
export interface Run {
  readonly text: string;
  readonly face: Face;
  readonly size: number;
  /** Below the baseline, in units of the picture: of a subscript. */
  readonly drop?: number;
  /** Space before it. */
  readonly gap?: number;
  readonly role?: Role;
}

export type Face = 'sans' | 'bold' | 'upright' | 'italic';

const tableOf = ({ letters, widths }: Advances): ReadonlyMap<string, number> =>
  new Map([...letters].map((letter, k) => [letter, widths[k]]));

const widthsOf: Readonly<Record<Face, ReadonlyMap<string, number>>> = {
  sans: tableOf(advances.sans),
  bold: tableOf(advances.bold),
  upright: tableOf(advances.upright),
  italic: tableOf(advances.italic),
};

/** Letters that are as wide as the font is high. */
const isWide = (letter: string): boolean =>
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(letter);

/** In units of the picture. Letters that the fonts lack count as wide as the widest of their kind. */
export function widthOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { text, face, size, gap = 0 }) => {
    const thousandths = [...text].reduce((width, letter) => width + (widthsOf[face].get(letter) ?? (isWide(letter) ? 1000 : 700)), 0);
    return sum + gap + (thousandths * size) / 1000;
  }, 0);
}

/** Letters that none of the Latin fonts has. */
export function foreignLetters(runs: readonly Run[]): string[] {
  return runs.flatMap(({ text, face }) => [...text].filter((letter) => !widthsOf[face].has(letter)));
}

/** How far letters reach above and below the baseline, in font sizes: those that reach least, and all others. */
const low = /^[acegmnopqrsuvwxyzσ−=+·…\s,.;-]*$/;
const ascent = { low: 0.52, high: 0.76, wide: 0.88 };
const deep = /[gjpqyfçQ(),;_|/{}[\]∂]/;
const descent = { flat: 0.03, deep: 0.22 };

/** From the baseline: up (negative) and down. */
export function extentOf(runs: readonly Run[]): { readonly top: number; readonly bottom: number } {
  const rise = (text: string): number => ([...text].some(isWide) ? ascent.wide : low.test(text) ? ascent.low : ascent.high);
  const fall = (text: string): number => (deep.test(text) || [...text].some(isWide) ? descent.deep : descent.flat);
  return {
    top: Math.min(...runs.map(({ text, size, drop = 0 }) => drop - rise(text) * size)),
    bottom: Math.max(...runs.map(({ text, size, drop = 0 }) => drop + fall(text) * size)),
  };
}

/** Breaks runs into lines of at most this width: between words, and between any two characters of Chinese, never in a formula. */
export function wrap(runs: readonly Run[], width: number): Run[][] {
  const lines: Run[][] = [[]];
  for (const word of words(runs)) {
    const line = lines[lines.length - 1];
    if (line.length > 0 && widthOf([...line, ...withoutEnd(word)]) > width) lines.push([...word]);
    else line.push(...word);
  }
  return lines.map((line) => joined(withoutEnd(line)));
}

/** What no line may end in; the spaces stay behind each word. */
function words(runs: readonly Run[]): Run[][] {
  const result: Run[][] = [];
  let canBreak = true;
  for (const run of runs) {
    const isFormula = run.face === 'upright' || run.face === 'italic';
    const parts = isFormula
      ? [run.text]
      : (run.text.match(/[\u2e80-\u2fff\u3040-\u9fff][\u3000-\u303f\uff00-\uffef]*|[^\s\u2e80-\u9fff]+\s*|\s+/g) ?? []);
    parts.forEach((text, k) => {
      const piece = { ...run, text, gap: k === 0 ? run.gap : undefined };
      const isFree = !isFormula && (canBreak || /^[\u3040-\u9fff]/.test(text)) && !/^\s/.test(text);
      if (result.length === 0 || isFree || (isFormula && canBreak)) result.push([piece]);
      else result[result.length - 1].push(piece);
      canBreak = isFormula ? false : /\s$|[\u2e80-\u9fff\uff00-\uffef]$/.test(text);
    });
  }
  return result;
}

function withoutEnd(line: readonly Run[]): Run[] {
  return line.map((run, k) => (k === line.length - 1 ? { ...run, text: run.text.trimEnd() } : run));
}

/** Neighbours of one style as one run again. */
function joined(line: readonly Run[]): Run[] {
  const runs: Run[] = [];
  for (const run of line) {
    const last = runs.at(-1);
    if (last !== undefined && isAlike(last, run)) runs[runs.length - 1] = { ...last, text: last.text + run.text };
    else runs.push(run);
  }
  return runs;
}

function isAlike(a: Run, b: Run): boolean {
  return a.face === b.face && a.size === b.size && a.role === b.role && (a.drop ?? 0) === (b.drop ?? 0) && (b.gap ?? 0) === 0;
}
