/** `unrolled help`: of the program, of a command, of a task. */
import type { Command } from 'commander';
import { ConfigError, unknownName } from '../tensor/errors.ts';

export function addHelp(program: Command): void {
  program
    .helpCommand(false) // commander's own knows no tasks, and shows the program's for whatever it does not know
    .command('help')
    .summary('display help for a command')
    .argument('[command...]')
    .action((names: readonly string[]) => {
      let command = program;
      for (const name of names) {
        const { commands } = command;
        const next = commands.find((one) => one.name() === name);
        if (next === undefined) {
          const known = commands.map((one) => one.name());
          if (known.length === 0) throw new ConfigError(`${command.name()} has no commands of its own, received "${name}".`);
          throw new ConfigError(unknownName('command', name, known));
        }
        command = next;
      }
      command.outputHelp();
    });
}
