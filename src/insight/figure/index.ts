export type { Activations } from './activations.ts';
export {
  type CellLine,
  type CellPicture,
  cellStyles,
  drawCellPicture,
  type FigureColors,
  figureColors,
  figureFonts,
  isStrongValue,
  valueColor,
  valueShade,
} from './cell-picture.ts';
export type { CellName as FigureCell } from './cells.ts';
export { type FigureOptions, figure, type Panel as FigurePanel } from './figure.ts';
export type { FontFace } from './font-face.ts';
export type { Language as FigureLanguage } from './languages.ts';
export type { Quantity as FigureQuantity } from './marks.ts';
export type { Theme as FigureTheme } from './render.ts';
export {
  type LayerTrace,
  type Looks,
  type Observation,
  type ObservedSteps,
  type StepTrace,
  type TracedLayers,
  traceLayers,
} from './trace.ts';
