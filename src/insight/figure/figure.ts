/** The figure: a recurrent network folded, unrolled through time, and its three cells, as SVG text. */
import { ConfigError, unknownName } from '../../tensor/errors.ts';
import { type Activations, drawActivations } from './activations.ts';
import { type CellName, cells, drawCell, drawCells } from './cells.ts';
import type { FontFace } from './font-face.ts';
import { type Language, labels, languages } from './languages.ts';
import { renderSvg, type Theme, themes } from './render.ts';
import { Scene } from './scene.ts';
import { drawFolded, drawUnrolled, foldedHeight, foldedWidth, unrolledHeight } from './unrolled-panel.ts';

/** Parts of the figure. */
export const panels = ['all', 'folded', 'unrolled', 'cells'] as const;
/** A part of the figure, or all of it. */
export type Panel = (typeof panels)[number];

/** What the figure shows, and how. */
export interface FigureOptions {
  /** Which part. Default 'all'. */
  readonly panel?: Panel;
  /** One cell alone, in the panel of cells. Default: all three. */
  readonly cell?: CellName;
  /** Copies of the cell in the unrolled network, 2…8. Default 5; with activations 8. */
  readonly steps?: number;
  /** Default 'auto': the reader's, by a media query. */
  readonly theme?: Theme;
  /** Of the labels. Default 'en'. */
  readonly language?: Language;
  /** In pixels; the picture scales. Default: 960, or less for a part. */
  readonly width?: number;
  /** Whether states and gradients are seen to move along their lines, for readers who do not mind motion. Default false. */
  readonly animate?: boolean;
  /** A model at work, instead of the plain drawing. */
  readonly activations?: Activations;
  /** To travel within the picture. Default: none, the reader's own. */
  readonly fonts?: readonly FontFace[];
  /**
   * Whether every piece of a line of text stands at a place of its own, measured with the fonts. For renderers that confuse
   * the fonts of one line, as resvg does; only right where these fonts are there. Default false.
   */
  readonly placedText?: boolean;
}

/** Around everything, in units of the picture. */
export const padding = 16;
/** Of the whole figure between its margins: at 800 pixels a unit is a pixel. */
export const fullWidth = 768;

/**
 * Draws recurrent networks as textbooks do.
 *
 * @returns an SVG document, the same for the same options
 * @throws ConfigError when an option is out of range
 * @example
 * const svg = figure({ panel: 'cells', theme: 'dark', language: 'fr' });
 */
export function figure(options: FigureOptions = {}): string {
  const { scene, size, defaultWidth } = drawFigure(options);
  const { theme = 'auto', language = 'en', width = defaultWidth, fonts = [], placedText = false, animate = false, activations } = options;
  const text = labels[language];
  const [title, description] = activations === undefined ? [text.title, text.description] : [text.values, textOf(activations.tokens)];
  return renderSvg(scene, { size, width, theme, language, title, description, fonts, isPlaced: placedText, isMoving: animate });
}

/** Tokens one after another: those that bring their own spaces, or are single letters, as they are. */
function textOf(tokens: readonly string[]): string {
  const isWhole = tokens.some((token) => /^\s|\s$/.test(token)) || tokens.every((token) => [...token].length === 1);
  return tokens.join(isWhole ? '' : ' ');
}

/** A drawing and its page. */
export interface Drawn {
  readonly scene: Scene;
  readonly size: { readonly width: number; readonly height: number };
  /** In pixels, where nothing else is asked for. */
  readonly defaultWidth: number;
}

/** The drawing as data. @throws ConfigError when an option is out of range */
export function drawFigure(options: FigureOptions): Drawn {
  check(options);
  const { panel = options.cell === undefined ? 'all' : 'cells', cell, steps = 5, language = 'en' } = options;
  const text = labels[language];
  const content = new Scene();
  const drawAt = <T>(draw: (scene: Scene) => T): T => content.at(padding, padding, () => draw(content));
  if (options.activations !== undefined) {
    const { activations } = options;
    return finish(
      content,
      fullWidth,
      drawAt((scene) => drawActivations(scene, text, activations, options.steps ?? 8, fullWidth)),
    );
  }
  switch (panel) {
    case 'folded':
      drawAt((scene) => drawFolded(scene, text));
      return finish(content, foldedWidth + 14, unrolledHeight);
    case 'unrolled': {
      const width = Math.min(fullWidth, Math.max(480, 60 + 100 * steps));
      drawAt((scene) => drawUnrolled(scene, text, { steps, width }));
      return finish(content, width, unrolledHeight);
    }
    case 'cells': {
      if (cell === undefined) {
        const height = drawAt((scene) => drawCells(scene, text, fullWidth));
        return finish(content, fullWidth, height);
      }
      const { width, height } = drawAt((scene) => drawCell(scene, text, cell));
      return finish(content, width, height);
    }
    case 'all': {
      const width = fullWidth;
      const height = drawAt((scene) => {
        // Five steps have room beside the folded network; more go below it.
        const isWide = steps > 5;
        drawFolded(scene, text, isWide ? 'beside' : 'below');
        const [left, down] = isWide ? [0, foldedHeight + 26] : [foldedWidth + 28, 0];
        scene.at(left, down, () => drawUnrolled(scene, text, { steps, width: width - left }));
        const top = down + unrolledHeight + 34;
        scene.line('soft', [0, top - 22, width, top - 22], { width: 1, rule: true });
        return top + scene.at(0, top, () => drawCells(scene, text, width));
      });
      return finish(content, width, height);
    }
    default:
      throw new Error(`unreachable: ${panel satisfies never}`);
  }
}

/** Paper under everything. */
export function finish(content: Scene, width: number, height: number): Drawn {
  const size = { width: width + 2 * padding, height: height + 2 * padding };
  content.marks.unshift({ kind: 'shape', style: 'paper', box: { x: 0, y: 0, ...size }, radius: 10 });
  return { scene: content, size, defaultWidth: Math.round(size.width * 1.2) };
}

function check({ panel, cell, steps, theme, language, width }: FigureOptions): void {
  requireKnown('panel', panel, panels);
  requireKnown('cell', cell, cells);
  requireKnown('theme', theme, themes);
  requireKnown('language', language, languages);
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 2 && steps <= 8)) {
    throw new ConfigError(`[figure] expected steps to be a whole number in 2…8, received ${steps}.`);
  }
  if (width !== undefined && !(width >= 100 && width <= 10_000)) {
    throw new ConfigError(`[figure] expected width in 100…10000 pixels, received ${width}.`);
  }
}

function requireKnown(option: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) throw new ConfigError(`[figure] ${unknownName(option, value, known)}`);
}
