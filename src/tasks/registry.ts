/** The tasks there are. */
import { ConfigError, unknownName } from '../tensor/errors.ts';
import { captioning } from './captioning/task.ts';
import { forecasting } from './forecasting/task.ts';
import { handwriting } from './handwriting/task.ts';
import { languageModel } from './language-model/task.ts';
import { proteinStructure } from './protein-structure/task.ts';
import { recommendation } from './recommendation/task.ts';
import { reservoir } from './reservoir/task.ts';
import { speech } from './speech/task.ts';
import { tagging } from './tagging/task.ts';
import type { Task } from './task.ts';
import { textClassification } from './text-classification/task.ts';
import { translation } from './translation/task.ts';

export const tasks: readonly Task[] = [
  languageModel,
  forecasting,
  proteinStructure,
  textClassification,
  recommendation,
  tagging,
  handwriting,
  reservoir,
  translation,
  speech,
  captioning,
];

/** @throws ConfigError naming the nearest */
export function taskNamed(name: string): Task {
  const task = tasks.find((known) => known.name === name);
  if (task === undefined) {
    throw new ConfigError(
      unknownName(
        'task',
        name,
        tasks.map((known) => known.name),
      ),
    );
  }
  return task;
}
