/**
 * Every program in examples/ and every complete program in the README and in docs/ runs as printed. A complete program is
 * a fenced `ts` block that imports from 'unrolled'; it runs in an empty folder, on the built package. Those in docs/tasks/ work on
 * a user's files: their types are checked.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
// Inside the package, so that `import 'unrolled'` finds it.
const scratch = join(root, 'build', 'examples');

const examples = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ name: `examples/${file}`, text: readFileSync(join(root, 'examples', file), 'utf8') }));

const pages = ['README.md', ...readdirSync(join(root, 'docs')).flatMap((file) => (file.endsWith('.md') ? [`docs/${file}`] : []))];
const taskPages = readdirSync(join(root, 'docs/tasks')).map((file) => `docs/tasks/${file}`);
const programsOf = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)]
    .map((match, i) => ({ name: `${page}, block ${i + 1}`, text: match[1] }))
    .filter(({ text }) => /from 'unrolled'/.test(text));
const blocks = pages.flatMap(programsOf);
const folderOf = (name: string): string => join(scratch, name.replaceAll(/[^a-z0-9]+/gi, '-'));

beforeAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each([...examples, ...blocks])('$name', ({ name, text }) => {
  const folder = folderOf(name);

  test('runs', () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'program.ts'), text);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'program.ts'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(status, `${stdout}\n${stderr}`).toBe(0);
  });
});

test('their types are right', () => {
  for (const { name, text } of taskPages.flatMap(programsOf)) {
    mkdirSync(folderOf(name), { recursive: true });
    writeFileSync(join(folderOf(name), 'program.ts'), text);
  }
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: true, rootDir: root, types: ['node'] },
    include: [`${scratch}/**/*.ts`],
    exclude: [],
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(options));
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', scratch], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(status, stdout).toBe(0);
});
