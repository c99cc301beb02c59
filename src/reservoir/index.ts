export { type CrossValidationOptions, type CrossValidationResult, crossValidate, defaultRidges } from './cross-validation.ts';
export { EchoStateClassifier, type EchoStateClassifierOptions, type StatePooling, statePoolings } from './echo-state-classifier.ts';
export {
  type EchoForwardOptions,
  type EchoState,
  EchoStateNetwork,
  type EchoStateNetworkOptions,
  type FitResult,
} from './echo-state-network.ts';
export { fitOnline, type OnlineOptions, type OnlineResult } from './force.ts';
export { adaptIntrinsically, type IntrinsicPlasticityOptions } from './intrinsic-plasticity.ts';
export { type MemoryCapacityOptions, memoryCapacity, nrmse, validSteps } from './measures.ts';
export { RecursiveLeastSquares, type RecursiveLeastSquaresOptions } from './recursive-least-squares.ts';
export { Reservoir, type ReservoirForwardOptions, type ReservoirOptions } from './reservoir.ts';
export { RidgeRegression, type RidgeSolution } from './ridge.ts';
export { drawRun, type RunColumn, type RunPlotOptions } from './run-plot.ts';
export { bestTrial, type SearchOptions, type SearchTrial, searchReservoir } from './search.ts';
export { drawSearchMap, type SearchMapOptions } from './search-map.ts';
export { defaultSearchSpace, type Searchable, type SearchPoint, type SearchRange, type SearchSpace } from './search-space.ts';
export type { SquareMatrix } from './sparse-matrix.ts';
export { spectralRadius } from './spectral-radius.ts';
export { type LorenzOptions, lorenz, lorenzExponent, type MackeyGlassOptions, mackeyGlass, narma } from './systems.ts';
