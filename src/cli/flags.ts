/** From an options schema to the flags of a command, and back: `hiddenSize` is `--hidden-size`. */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type * as v from 'valibot';
import { describeOptions, type OptionInfo, type OptionsSchema, parseOptions } from '../tasks/schema.ts';
import { ConfigError, FormatError } from '../tensor/errors.ts';

/** `hiddenSize` → `--hidden-size` */
export function flagName(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Shorter spellings of well-known options. */
const aliases: Readonly<Record<string, string>> = { numLayers: '--layers' };

/** Adds a flag for each option of a schema. */
export function addFlags(command: Command, schema: OptionsSchema): void {
  for (const info of describeOptions(schema)) for (const option of optionsOf(info)) command.addOption(option);
}

function optionsOf(info: OptionInfo): Option[] {
  const { name, kind, description, choices } = info;
  const flag = aliases[name] === undefined ? flagName(name) : `${aliases[name]}, ${flagName(name)}`;
  const help = `${description}${defaultText(info)}`;
  if (kind === 'boolean') {
    const on = new Option(flag, help);
    const off = new Option(flag.replace('--', '--no-'), `turn off: ${help}`);
    // The positive one first: a negative one alone would make the option true where it is not given at all.
    return info.default === true ? [on.hideHelp(), off] : [on, off.hideHelp()];
  }
  if (kind === 'list') {
    const option = new Option(`${flag} <${info.of === 'number' ? 'n' : 'name'}...>`, help);
    return [info.of === 'number' ? option.argParser(listOfNumbers) : option.argParser(listOfNames)];
  }
  if (kind === 'number') return [new Option(`${flag} <n>`, help).argParser(number)];
  return [
    new Option(`${flag} <${choices === undefined ? 'text' : 'name'}>`, choices === undefined ? help : `${help} [${choices.join('|')}]`),
  ];
}

function defaultText({ kind, default: value }: OptionInfo): string {
  if (value === undefined || kind === 'boolean') return '';
  return ` (default ${JSON.stringify(value)})`;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError(`expected a number, received "${text}".`);
  return value;
}

function listOfNumbers(text: string, previous: number[] | undefined): number[] {
  return [...(previous ?? []), ...text.split(',').map(number)];
}

function listOfNames(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), ...text.split(',').map((name) => name.trim())];
}

/**
 * The options of a command: the configuration file's, and over them the flags', checked by the schema.
 *
 * @param given what commander parsed; other commands' flags in it are left alone
 */
export async function readOptions<S extends OptionsSchema>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  config?: string,
): Promise<v.InferOutput<S>> {
  const names = new Set(Object.keys(schema.entries));
  const fromFlags = Object.fromEntries(Object.entries(given).filter(([name, value]) => names.has(name) && value !== undefined));
  if (config === undefined) return parseOptions(schema, fromFlags, flagName);
  const fromFile = await readConfig(config);
  try {
    parseOptions(schema, fromFile);
  } catch (error) {
    throw new ConfigError(`${config}: ${(error as Error).message}`, { cause: error });
  }
  return parseOptions(schema, { ...fromFile, ...fromFlags }, flagName);
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FormatError(`cannot be read: ${(cause as Error).message}.`, { file: path }, { cause });
  });
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config as Record<string, unknown>;
  } catch (cause) {
    throw new FormatError(`is not JSON: ${(cause as Error).message}.`, { file: path }, { cause });
  }
  throw new FormatError('expected an object of options, such as { "hiddenSize": 256 }.', { file: path });
}
