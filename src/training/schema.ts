/** Checking values from outside against a schema, with an answer that a person can act on. */
import * as v from 'valibot';
import { nearest } from '../tensor/errors.ts';

/**
 * The value as the schema gives it back (defaults filled in), or the first fault through `refuse`.
 *
 * @param refuse  throws; gets `architecture.hiddenSize: expected an integer ≥ 1, received 0`
 */
export function parseWith<S extends v.GenericSchema>(schema: S, value: unknown, refuse: (message: string) => never): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : refuse(describe(result.issues[0], schema));
}

function describe(issue: v.BaseIssue<unknown>, schema: v.GenericSchema): string {
  const place = issue.path?.map((item) => String(item.key)).join('.') ?? '';
  const key = issue.path?.at(-1)?.key;
  const unknownKey = issue.type === 'strict_object' && issue.expected === 'never';
  const near = unknownKey && issue.path?.length === 1 ? nearest(String(key), keysOf(schema)) : undefined;
  if (unknownKey) return `unknown "${place}"${near === undefined ? '' : `; did you mean "${near}"?`}`;
  const what = issue.kind === 'schema' ? `expected ${issue.expected ?? 'another value'}, received ${issue.received}` : issue.message;
  return place === '' ? what : `${place}: ${what}`;
}

function keysOf(schema: v.GenericSchema): string[] {
  return 'entries' in schema && typeof schema.entries === 'object' && schema.entries !== null ? Object.keys(schema.entries) : [];
}
