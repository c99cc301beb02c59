import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { scratch, unrolled } from './program.ts';

const folder = scratch();
afterAll(folder.remove);
mkdirSync(join(folder.path, 'full'));
writeFileSync(join(folder.path, 'full/a.txt'), '');

test.each([
  [['studio', 'nowhere'], 'nowhere: expected a run folder, a folder of them, or a model file; there is nothing there.'],
  [['studio', '--port', 'abc'], '--port: expected a whole number in 0…65535, received "abc".'],
  [['studio', '--port', '70000'], '--port: expected a whole number in 0…65535, received "70000".'],
  [['studio', 'full', '--export', 'site'], '--export writes the page alone; expected no paths, received full.'],
])('unrolled %j is refused', async (args, message) => {
  const { code, stderr } = await unrolled(args, { cwd: folder.path });
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
