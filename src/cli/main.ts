#!/usr/bin/env node
/** The program `unrolled`: its commands, and how it ends. */
import { Command } from 'commander';
import { fileError } from '../data/files-node.ts';
import { addBench } from './bench.ts';
import { addDoctor, version } from './doctor.ts';
import { addEvaluate } from './evaluate.ts';
import { explain } from './failure.ts';
import { addFigure } from './figure.ts';
import { addHelp } from './help.ts';
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

for (const add of [addTrain, addEvaluate, addPredict, addInspect, addFigure, addStudio, addBench, addDoctor, addHelp]) add(program);

const json = process.argv.includes('--json');

// `unrolled predict … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : explain(fileError('write', 'standard output', error), openTerminal(), false));
});
// Nobody reads any more; the work goes on.
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error, openTerminal(), json);
}
