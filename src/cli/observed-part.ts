/** Which part of a model is looked at, where it has several. */
import type { Observation } from '../insight/figure/trace.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';

/** @param name from the command line; absent: the last part, which answers. @throws ConfigError when there is none of that name */
export function partOf(observation: Observation, name: string | undefined): Observation {
  const parts = [...(observation.before ?? []), observation];
  if (name === undefined) return observation;
  const names = parts.flatMap(({ part }) => part ?? []);
  if (names.length === 0) throw new ConfigError(`--part: expected none, as the model is one, received "${name}". Leave it out.`);
  const found = parts.find(({ part }) => part === name);
  if (found === undefined) throw new ConfigError(`--part: ${unknownName('part', name, names)}`);
  return found;
}
