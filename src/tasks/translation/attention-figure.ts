/** Where the decoder looked for each piece of a translation: a matrix of its attention, as SVG. Made from numbers; no DOM. */
import { isStrong, type Role, unitClass } from '../../insight/figure/marks.ts';
import { renderSvg, type Theme } from '../../insight/figure/render.ts';
import { otherFonts, Scene } from '../../insight/figure/scene.ts';
import { type Run, widthOf } from '../../insight/figure/text.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { TranslatedSentence } from './translate.ts';

/** How an attention matrix is drawn. */
export interface AttentionFigureOptions {
  /** Which of the translations. Default 0: the best. */
  readonly translation?: number;
  /** Light or dark paper; `auto` (default) asks the reader's system. */
  readonly theme?: Theme;
  /** In pixels; the height follows. Default: as large as its letters want it. */
  readonly width?: number;
}

const padding = 22;
const cell = { height: 28, least: 34, most: 66 };
const labelSize = 13;
const [longestRow, longestColumn] = [190, 120];

/**
 * A column for each piece of the translation, in the order in which they were said; a row for each piece of the sentence. A column's
 * shares add up to 1; those of at least a tenth are written out, in per cent.
 *
 * @throws ConfigError when there is no such translation, or it says nothing of attention (a blank sentence)
 * @example writeFileSync('attention.svg', attentionFigure((await translateSentences(translator, ['a man is sleeping .']))[0]));
 */
export function attentionFigure(sentence: TranslatedSentence, options: AttentionFigureOptions = {}): string {
  const { translation: which = 0, theme = 'auto' } = options;
  const translation = sentence.translations[which];
  if (translation === undefined || translation.pieces.length === 0) {
    throw new ConfigError(
      `[attentionFigure] expected a translation with pieces as number ${which}, received ${translation === undefined ? `${sentence.translations.length} translations` : 'one of a blank sentence'}.`,
    );
  }
  const { scene, size } = drawAttention(sentence.pieces, translation.pieces, translation.attention);
  return renderSvg(scene, {
    size,
    width: options.width ?? size.width,
    theme,
    language: 'en',
    title: 'Attention of a translation',
    description: `${sentence.source} → ${translation.text}`,
    fonts: [],
    isPlaced: false,
    isMoving: false,
  });
}

/** The drawing as data. @param attention [T][S] */
export function drawAttention(source: readonly string[], target: readonly string[], attention: readonly ArrayLike<number>[]) {
  const scene = new Scene();
  const rows = visible(source).map((piece) => fitted(piece, 'x', longestRow));
  const columns = visible(target).map((piece) => fitted(piece, 'h', longestColumn));
  const left = Math.max(...rows.map(widthWithSpare)) + 12;
  const widest = Math.max(...columns.map(widthWithSpare));
  const columnWidth = Math.min(cell.most, Math.max(cell.least, widest / 2 + 5));
  const isStaggered = widest + 8 > columnWidth;
  const top = 60 + (isStaggered ? 42 : 22);
  const plate = { width: columnWidth * columns.length, height: cell.height * rows.length };
  const width = Math.max(left + plate.width, 430);

  scene.at(padding, padding, () => {
    scene.words('Where the decoder looked', 0, 15, { size: 15, bold: true });
    scene.words('each column: one piece of the translation; its shares of the sentence, in %', 0, 36, { role: 'soft' });
    columns.forEach((runs, t) => {
      const x = left + (t + 0.5) * columnWidth;
      const isHigh = isStaggered && t % 2 === 1;
      const y = top - (isHigh ? 30 : 10);
      if (isHigh) scene.line('soft', [x, y + 5, x, top - 3], { width: 1, rule: true });
      scene.runs(target[t], runs, x, y, { anchor: 'middle' });
    });
    rows.forEach((runs, s) => {
      scene.runs(source[s], runs, left - 10, top + (s + 0.5) * cell.height + 4.5, { anchor: 'end' });
    });
    scene.box('plate', { x: left - 1, y: top - 1, width: plate.width + 2, height: plate.height + 2 }, 2);
    columns.forEach((_, t) => {
      rows.forEach((__, s) => {
        const share = attention[t][s];
        const shade = unitClass(share);
        const [x, y] = [left + t * columnWidth, top + s * cell.height];
        // Each reaches a little under the next, so that no paper shines through between them.
        const under = { x: t < columns.length - 1 ? 0.6 : 0, y: s < rows.length - 1 ? 0.6 : 0 };
        scene.box('value', { x, y, width: columnWidth + under.x, height: cell.height + under.y }, 0, shade);
      });
    });
    // Numbers stand above all squares.
    columns.forEach((_, t) => {
      rows.forEach((__, s) => {
        const share = attention[t][s];
        if (share < 0.1) return;
        const at = [left + (t + 0.5) * columnWidth, top + (s + 0.5) * cell.height + 4] as const;
        scene.words(String(Math.round(100 * share)), ...at, { anchor: 'middle', size: 11.5, isInverse: isStrong(unitClass(share)) });
      });
    });
    drawScale(scene, left, top + plate.height + 20);
  });
  const size = { width: width + 2 * padding, height: top + plate.height + 58 + 2 * padding };
  scene.marks.unshift({ kind: 'shape', style: 'paper', box: { x: 0, y: 0, ...size }, radius: 10 });
  return { scene, size };
}

function drawScale(scene: Scene, x: number, y: number): void {
  const bar = { width: 160, height: 12, parts: 33 };
  scene.box('plate', { x: x - 1, y: y - 1, width: bar.width + 2, height: bar.height + 2 }, 2);
  for (let k = 0; k < bar.parts; k++) {
    const step = bar.width / bar.parts;
    const under = k < bar.parts - 1 ? 0.6 : 0;
    scene.box('value', { x: x + k * step, y, width: step + under, height: bar.height }, 0, unitClass(k / (bar.parts - 1)));
  }
  ['0', '50', '100 %'].forEach((tick, k) => {
    scene.words(tick, x + (k * bar.width) / 2, y + bar.height + 16, { anchor: 'middle', size: 12, role: 'soft' });
  });
  scene.words('attention', x + bar.width + 22, y + 10.5, { role: 'soft' });
}

/** Pieces without their spaces; one that goes on where the one before ended begins with a dot. */
function visible(pieces: readonly string[]): string[] {
  const areParts = pieces.some((piece) => piece.startsWith(' '));
  return pieces.map((piece) => {
    if (piece === '<end>') return '(end)';
    return areParts && !piece.startsWith(' ') ? `·${piece}` : piece.trim();
  });
}

/** Cut where it is too long. */
function fitted(piece: string, role: Role, most: number): Run[] {
  const runsOf = (text: string): Run[] => [{ text, face: 'sans', size: labelSize, role }];
  let letters = [...piece];
  while (letters.length > 1 && widthWithSpare(runsOf(letters.join(''))) > most) {
    letters = [...letters.slice(0, letters.at(-1) === '…' ? -2 : -1), '…'];
  }
  return runsOf(letters.join(''));
}

/** With room for readers whose fonts are wider. */
function widthWithSpare(runs: readonly Run[]): number {
  return widthOf(runs) * otherFonts;
}
