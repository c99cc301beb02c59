/** Options of commands that learn their task from the model they are given: `evaluate` and `predict`. */
import * as v from 'valibot';
import { tasks } from '../tasks/registry.ts';
import type { OptionsSchema } from '../tasks/schema.ts';
import type { Task, TaskOptions } from '../tasks/task.ts';
import { ConfigError } from '../tensor/errors.ts';
import { flagName, readOptions } from './flags.ts';

type Kind = 'evaluateOptions' | 'predictOptions';

/** Options of every task; those of a name are one flag. */
export function optionsOfAll(kind: Kind): OptionsSchema {
  return v.strictObject(Object.assign({}, ...tasks.map((task) => task[kind].entries)));
}

/**
 * The options of a task among the flags.
 *
 * @param model  the file, for messages
 * @throws ConfigError when an option is out of range, or another task's
 */
export async function optionsFor(task: Task, kind: Kind, model: string, flags: Readonly<Record<string, unknown>>): Promise<TaskOptions> {
  const foreign = Object.keys(optionsOfAll(kind).entries).find((name) => flags[name] !== undefined && !(name in task[kind].entries));
  if (foreign !== undefined) throw new ConfigError(`${flagName(foreign)} is not an option of ${task.name} models, and ${model} is one.`);
  return readOptions(task[kind], flags);
}
