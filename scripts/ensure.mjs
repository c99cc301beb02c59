/**
 * Makes a checkout ready: installs packages and builds what is missing or stale, and says what it does. Plain JavaScript
 * on Node alone, since it runs before anything is installed. Run as a program it does all of it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the root; on failure shows what it printed and ends the process. */
function run(what, command, args) {
  const start = Date.now();
  process.stderr.write(`${what} …`);
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) {
    process.stderr.write(` failed\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
    process.exit(1);
  }
  process.stderr.write(` ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
}

/** True when node_modules holds what package-lock.json asks for. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '' || optional || devOptional) return true;
    return present[path]?.version === version;
  });
}

export function ensureInstalled() {
  if (!isInstalled()) run('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund']);
}

/** Kernels (native where there is a compiler, WebAssembly always) and the library; what is up to date is left alone. */
export function ensureBuilt() {
  run('Building', 'npm', ['run', '--silent', 'build']);
}

/** A browser for the browser tests; installed from Debian's packages where that is possible. Returns its path or null. */
export function ensureChromium() {
  const find = () =>
    [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
      (path) => path && existsSync(path),
    ) ?? null;
  const found = find();
  if (found !== null || process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return found;
  run('Looking up Debian packages', 'apt-get', ['update']);
  run('Installing Chromium', 'apt-get', ['install', '-y', '--no-install-recommends', 'chromium']);
  return find();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  ensureBuilt();
}
