/** Builds everything that is not up to date: the kernels, the types, the library, the mode of its program, the studio. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildKernels } from './install.mjs';
import { buildLibrary } from './library.mjs';
import { root } from './native.mjs';
import { buildStudio } from './studio.mjs';

await buildKernels();
const memory = join(root, 'build', 'tsc.json');
if (!existsSync(join(root, 'dist'))) rmSync(memory, { force: true });
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [compiler, '--incremental', '--tsBuildInfoFile', memory], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  await buildLibrary();
  await buildStudio();
}
const program = join(root, 'dist', 'cli', 'main.js');
if (existsSync(program)) chmodSync(program, 0o755);
process.exitCode = status ?? 1;
