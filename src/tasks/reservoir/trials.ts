/** Trials of a search, written down in a run's folder as they are made, so that a resumed search need not make them again. */
import { listFolder, readBytes } from '#files';
import type { SearchPoint } from '../../reservoir/search-space.ts';
import type { RunFolder } from '../../training/run-folder.ts';
import type { TrialResult } from './solve.ts';

const name = 'trials.jsonl';

export function trialFile(folder: RunFolder): string {
  return `${folder.path}/${name}`;
}

/** What a trial is known by. */
export function trialKey(point: SearchPoint, share: number): string {
  return JSON.stringify([share, ...Object.entries(point).flat()]);
}

/** What was written down, and how many bytes of it are whole lines. */
export async function trialsIn(
  folder: RunFolder | null,
): Promise<{ readonly results: ReadonlyMap<string, TrialResult>; readonly bytes: number }> {
  const results = new Map<string, TrialResult>();
  if (folder === null || !(await listFolder(folder.path)).includes(name)) return { results, bytes: 0 };
  const text = new TextDecoder().decode(await readBytes(trialFile(folder)));
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n').slice(0, -1)) {
    const { key, result } = JSON.parse(line) as { key: string; result: TrialResult };
    results.set(key, result);
  }
  return { results, bytes: new TextEncoder().encode(whole).length };
}
