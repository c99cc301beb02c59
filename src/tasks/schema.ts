/**
 * Options that describe themselves: one valibot schema is the check for a program, a configuration file and the command
 * line, whose flags and help are read out of it.
 */
import * as v from 'valibot';
import { ConfigError, unknownName } from '../tensor/errors.ts';

/** An object of options; each entry is optional and has a description. */
export type OptionsSchema = v.StrictObjectSchema<v.ObjectEntries, undefined>;

/** A schema that is built when it is first used: an import of the library needs none of those of all its tasks. */
export function optionsSchema<E extends v.ObjectEntries>(entries: () => E): () => v.StrictObjectSchema<E, undefined> {
  let schema: v.StrictObjectSchema<E, undefined> | undefined;
  return () => {
    schema ??= v.strictObject(entries());
    return schema;
  };
}

/** What a command line needs to know of one option. */
export interface OptionInfo {
  readonly name: string;
  readonly kind: 'number' | 'string' | 'boolean' | 'list';
  /** Of a list: what its entries are. */
  readonly of?: 'number' | 'string';
  /** Whether it names a file, or files. */
  readonly isPath?: boolean;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: unknown;
}

/** A whole number of at least `least`. */
export function whole(description: string, least: number, most = Number.MAX_SAFE_INTEGER) {
  return v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most), v.description(description));
}

/** A number above `least`. */
export function above(description: string, least: number, most = Number.MAX_VALUE) {
  return v.pipe(v.number(), v.gtValue(least), v.maxValue(most), v.description(description));
}

/** A number in [least, most). */
export function within(description: string, least: number, below: number) {
  return v.pipe(v.number(), v.minValue(least), v.ltValue(below), v.description(description));
}

/** Names, as `--columns a b` or `--columns a,b`. */
export function names(description: string) {
  return v.pipe(v.array(v.string()), v.description(description));
}

/** A text, such as a column's name. */
export function text(description: string) {
  return v.pipe(v.string(), v.description(description));
}

/** A file's path; a command makes it absolute, so that a training can be resumed from any folder. */
export function path(description: string) {
  return v.pipe(v.string(), v.description(description), v.metadata({ isPath: true }));
}

/** Paths of files; see `path`. */
export function paths(description: string) {
  return v.pipe(v.array(v.string()), v.description(description), v.metadata({ isPath: true }));
}

export function flag(description: string) {
  return v.pipe(v.boolean(), v.description(description));
}

export function choice<const C extends readonly string[]>(description: string, choices: C) {
  return v.pipe(v.picklist(choices), v.description(description));
}

/**
 * Checks options and fills defaults in.
 *
 * @param name turns an option's name into what the user wrote: `hiddenSize` or `--hidden-size`
 * @throws ConfigError naming the option, what was given and what was expected
 */
export function parseOptions<S extends v.GenericSchema>(
  schema: S,
  given: unknown,
  name: (option: string) => string = (o) => o,
): v.InferOutput<S> {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  const known = Object.keys((schema as unknown as OptionsSchema).entries ?? {});
  const sentences = result.issues.map((issue) => {
    const path = v.getDotPath(issue) ?? '';
    if (issue.expected === 'never' && path !== '') return unknownName('option', name(path), known.map(name));
    if (issue.type === 'picklist' && typeof issue.input === 'string') {
      // Of a list, the path goes on to the entry: "columns.0".
      const [option] = path.split('.');
      const entry = unwrapped((schema as unknown as OptionsSchema).entries[option] as v.GenericSchema);
      const { options } = (entry.type === 'array' ? (entry as unknown as { item: v.GenericSchema }).item : entry) as unknown as {
        options: readonly string[];
      };
      return `${name(option)}: ${unknownName('name', issue.input, options)}`;
    }
    return `${path === '' ? 'options' : name(path)}: expected ${expectation(issue)}, received ${issue.received}.`;
  });
  throw new ConfigError(sentences.join('\n'));
}

function expectation({ type, expected }: v.BaseIssue<unknown>): string {
  if (type === 'integer') return 'a whole number';
  return (expected ?? 'something else').replace(/^([<>]=?)(.*)$/, (_, sign: string, bound: string) => {
    const words: Record<string, string> = { '>=': 'at least', '<=': 'at most', '>': 'more than', '<': 'less than' };
    return `${words[sign]} ${bound}`;
  });
}

/** Whether an option is other than its default: a command fills defaults in, so that one that nobody gave is there too. */
function isGiven(schema: OptionsSchema, options: object, name: string): boolean {
  const value = (options as Readonly<Record<string, unknown>>)[name];
  return value !== undefined && JSON.stringify(value) !== JSON.stringify(defaultOf(schema.entries[name]));
}

/**
 * Refuses options that have no effect with what another one chose, unless they are as by default.
 *
 * @param choice  the other option and what it chose, such as `['model', 'encoder']`
 * @param uses    of each option, the choices that it has an effect with: `{ lags: ['autoregressive'] }`
 * @throws ConfigError naming the option, the choices and the one that was made
 */
export function requireChoice(
  schema: OptionsSchema,
  options: object,
  [other, chosen]: readonly [other: string, chosen: string],
  uses: Readonly<Record<string, readonly string[]>>,
): void {
  for (const [name, choices] of Object.entries(uses)) {
    if (choices.includes(chosen) || !isGiven(schema, options, name)) continue;
    const expected = choices.join(', ').replace(/, ([^,]*)$/, ' or $1');
    throw new ConfigError(`${name}: expected ${other} ${expected}, received ${chosen}, which has no use for it. Leave it out.`);
  }
}

/**
 * Refuses options that have no effect without another one, unless they are as by default.
 *
 * @param needs  of each option, the other: `{ gapSize: 'timeGaps' }`
 * @throws ConfigError naming both
 */
export function requireOther(schema: OptionsSchema, options: object, needs: Readonly<Record<string, string>>): void {
  for (const [name, other] of Object.entries(needs)) {
    if (isGiven(schema, options, other) || !isGiven(schema, options, name)) continue;
    throw new ConfigError(
      `${name}: expected ${other} as well, without which it has no effect, received none. Add it, or leave ${name} out.`,
    );
  }
}

/** What a command line needs to know of each option. */
export function describeOptions(schema: OptionsSchema): OptionInfo[] {
  return Object.entries(schema.entries).map(([name, entry]) => {
    const inner = unwrapped(entry as unknown as v.GenericSchema);
    return {
      name,
      kind: kindOf(inner),
      of: entriesOf(inner),
      isPath: (v.getMetadata(inner) as { readonly isPath?: boolean }).isPath,
      description: descriptionOf(inner),
      default: defaultOf(entry),
      choices: (inner as { options?: readonly string[] }).options,
    };
  });
}

function defaultOf(entry: v.ObjectEntries[string]): unknown {
  return entry.type === 'optional' ? (entry as unknown as { default: unknown }).default : undefined;
}

function unwrapped(schema: v.GenericSchema): v.GenericSchema {
  return schema.type === 'optional' ? unwrapped((schema as unknown as { wrapped: v.GenericSchema }).wrapped) : schema;
}

function descriptionOf(schema: v.GenericSchema): string {
  return v.getDescription(schema as never) ?? '';
}

function entriesOf(schema: v.GenericSchema): 'number' | 'string' | undefined {
  if (schema.type !== 'array') return undefined;
  return kindOf((schema as unknown as { item: v.GenericSchema }).item) === 'number' ? 'number' : 'string';
}

function kindOf(schema: v.GenericSchema): OptionInfo['kind'] {
  if (schema.type === 'number' || schema.type === 'boolean') return schema.type;
  return schema.type === 'array' ? 'list' : 'string';
}
