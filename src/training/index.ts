export type { BestResult, DoneEvent, Metrics, StartEvent, StepEvent, StopReason, TrainingEvent, ValidationEvent } from './events.ts';
export {
  formatModel,
  loadModel,
  type ModelConfig,
  type ModelFile,
  modelConfigEntries,
  modelFormatVersion,
  parseModel,
  readModelConfig,
  saveModel,
} from './model-file.ts';
export {
  createExtras,
  createOptimizer,
  createSchedule,
  optimizerNames,
  type Recipe,
  recipeEntries,
  scheduleNames,
  trainerOptions,
} from './recipe.ts';
export { RunFolder } from './run-folder.ts';
export { type CreateTrainer, serveTraining, type TrainingJob, trainInWorker } from './train-in-worker.ts';
export {
  type BatchLoss,
  type Carried,
  type EvaluationContext,
  Trainer,
  type TrainerOptions,
  type Training,
  totalStepsOf,
} from './trainer.ts';
