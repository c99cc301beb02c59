/** The version in package.json: from src/cli/bench and from dist/cli/bench alike. */
import { readFileSync } from 'node:fs';

export function libraryVersion(): string {
  return (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
