/** Pictures that commands write. */
import { extname } from 'node:path';
import { ConfigError } from '../tensor/errors.ts';

/** By the name's ending. @throws ConfigError when it is another one */
export function pictureFormat(out: string): 'svg' | 'png' {
  const ending = extname(out).toLowerCase();
  if (ending === '.svg' || ending === '.png') return ending === '.svg' ? 'svg' : 'png';
  throw new ConfigError(`--out: expected a name that ends in .svg or .png, received "${out}".`);
}
