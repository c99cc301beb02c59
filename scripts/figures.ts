/**
 * Draws the pictures of README.md and docs/figure.md: `npx tsx scripts/figures.ts`, and with a model also those of it at work and
 * inspected (docs/insight.md):
 * `npx tsx scripts/figures.ts runs/moby-dick/model.safetensors`. test/house/figures.test.ts holds the files to it.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type FigureOptions, figure } from '../src/insight/figure/figure.ts';
import { faces } from '../src/insight/figure/fonts/latin.ts';

export const images = resolve(import.meta.dirname, '../docs/images');

/** What each picture shows; the command's flags are the same words. */
export const pictures: Readonly<Record<string, FigureOptions>> = {
  'unrolled.svg': { animate: true },
  'figure-folded.svg': { panel: 'folded' },
  'figure-unrolled.svg': { panel: 'unrolled', steps: 6 },
  'figure-cells.svg': { panel: 'cells' },
  'figure-gru.svg': { cell: 'gru', language: 'de' },
  'figure-lstm.svg': { cell: 'lstm', theme: 'dark', language: 'fr' },
};

export function drawn(options: FigureOptions): string {
  return figure({ ...options, fonts: faces });
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, options] of Object.entries(pictures)) writeFileSync(join(images, file), drawn(options));
  const model = process.argv[2];
  const program = resolve(import.meta.dirname, '../dist/cli/main.js');
  const ofModel = [
    ['figure', 'It was the whale', 'figure-at-work.svg'],
    ['inspect', 'It was the whale, the white whale; and Captain Ahab saw it swim', 'inspection.svg'],
  ] as const;
  for (const [command, text, file] of model === undefined ? [] : ofModel) {
    const { status } = spawnSync(process.execPath, [program, command, model!, text, '--out', join(images, file)], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
}
