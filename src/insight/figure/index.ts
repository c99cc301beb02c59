export type { Activations } from './activations.ts';
export { type CellName, cells } from './cells.ts';
export { type FigureOptions, figure, type Panel, panels } from './figure.ts';
export type { FontFace } from './font-face.ts';
export { type Language, languages } from './languages.ts';
export { type Theme, themes } from './render.ts';
export { type LayerTrace, type Observation, type StepTrace, type TracedLayers, traceLayers } from './trace.ts';
