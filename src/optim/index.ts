export { Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { type LossResult, Optimizer, type OptimizerOptions, type OptimizerState, type ParameterGroup } from './optimizer.ts';
export { ReduceOnPlateau, type ReduceOnPlateauOptions, type ReduceOnPlateauState } from './reduce-on-plateau.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export {
  cosine,
  cosineRestarts,
  exponentialDecay,
  multiStepDecay,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  stepDecay,
  warmup,
} from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export { WeightAverage, type WeightAverageOptions, type WeightAverageState } from './weight-average.ts';
