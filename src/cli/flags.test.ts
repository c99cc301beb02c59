import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { tasks } from '../tasks/registry.ts';
import { describeOptions } from '../tasks/schema.ts';
import { addFlags, flagName, readOptions } from './flags.ts';

function parsed(task: (typeof tasks)[number], args: readonly string[]): Record<string, unknown> {
  const command = new Command();
  addFlags(command, task.trainOptions);
  return command.parse(args, { from: 'user' }).opts();
}

describe.each(tasks)('flags of $name', (task) => {
  it('that are not given say nothing: a resumed training takes none, and a configuration file keeps its word', () => {
    expect(parsed(task, [])).toEqual({});
  });

  it('turn every switch on and off', async () => {
    const switches = describeOptions(task.trainOptions).filter(({ kind }) => kind === 'boolean');
    for (const { name } of switches) {
      expect(parsed(task, [flagName(name)])).toEqual({ [name]: true });
      expect(parsed(task, [flagName(name).replace('--', '--no-')])).toEqual({ [name]: false });
    }
    const off = switches.map(({ name }) => flagName(name).replace('--', '--no-'));
    expect(await readOptions(task.trainOptions, parsed(task, off))).toMatchObject(
      Object.fromEntries(switches.map(({ name }) => [name, false])),
    );
  });
});
