#!/usr/bin/env node
/** The program `unrolled`: its commands, and how it ends. */
import { Command } from 'commander';
import { addBench } from './bench.ts';
import { addDoctor, version } from './doctor.ts';
import { addEvaluate } from './evaluate.ts';
import { explain } from './failure.ts';
import { addFigure } from './figure.ts';
import { addInspect } from './inspect.ts';
import { addPredict } from './predict.ts';
import { addStudio } from './studio.ts';
import { openTerminal } from './terminal.ts';
import { addTrain } from './train.ts';

const program = new Command('unrolled')
  .description('Recurrent neural networks: train them, look inside them, ship them.')
  .version(version())
  .exitOverride()
  .showSuggestionAfterError()
  .showHelpAfterError('Run with --help to see what there is.')
  .addHelpText(
    'after',
    '\nExample:\n  $ unrolled train language-model book.txt --out runs/book\n  $ unrolled predict runs/book/model.safetensors --prompt "Once"',
  );

for (const add of [addTrain, addEvaluate, addPredict, addInspect, addFigure, addStudio, addBench, addDoctor]) add(program);

// `unrolled predict … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const json = process.argv.includes('--json');
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error, openTerminal(), json);
}
