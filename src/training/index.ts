export { Adviser } from './advice.ts';
export type {
  BestResult,
  DoneEvent,
  Metrics,
  ParameterStatistics,
  StartEvent,
  StepEvent,
  StopReason,
  TrainingEvent,
  ValidationEvent,
  WatchEvent,
} from './events.ts';
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
export { RunFolder } from './run-folder.ts';
export { type CreateTrainer, serveTraining, type TrainingJob, trainInWorker } from './train-in-worker.ts';
export { Trainer, type TrainerOptions } from './trainer.ts';
export type { BatchLoss, Carried, EvaluationContext, Training } from './training.ts';
export { StepWatch } from './watch.ts';
