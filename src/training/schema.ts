/** Checking what a file says against a schema, with an answer that names the place. Options of users: tasks/schema.ts. */
import * as v from 'valibot';

/**
 * The value as the schema gives it back (defaults filled in), or the first fault through `refuse`.
 *
 * @param refuse  throws; gets `architecture.hiddenSize: expected number, received "3"`
 */
export function parseWith<S extends v.GenericSchema>(schema: S, value: unknown, refuse: (message: string) => never): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue);
  // A schema's own message says nothing that expected and received do not; a validation's may.
  const what = issue.kind === 'schema' ? `expected ${issue.expected ?? 'another value'}, received ${issue.received}` : issue.message;
  return refuse(place === null ? what : `${place}: ${what}`);
}
