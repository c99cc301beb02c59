/**
 * Compiles the Node addon with a C++ compiler called directly: the kernels once per instruction set, and one link. What
 * was compiled already from the same sources, with the same flags, is left alone.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'native');
const headers = join(root, 'node_modules', 'node-api-headers', 'include');

/**
 * Of every C++ compilation. Contraction is off so that the sources say what is fused (see native/vector.h); psabi warnings
 * are about passing vectors between functions compiled for different machines, of which there are none.
 */
export const commonFlags = [
  '-std=c++17',
  '-O3',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-exceptions',
  '-fno-rtti',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
];

export const nativeFlags = [...commonFlags, '-fPIC', '-pthread', '-fvisibility=hidden', '-I', headers];

/** Name of each set, as UNROLLED_ISA knows it, and its flags; the widest first. Every machine of the kind has `base`. */
export const instructionSets = {
  x64: {
    avx512: ['-mavx512f', '-mavx512dq', '-mavx512bw', '-mavx512vl', '-mavx2', '-mfma'],
    avx2: ['-mavx2', '-mfma'],
    base: [],
  },
  arm64: { base: [] },
};

/**
 * What to compile and link for a processor: `compile` lists [source, object, flags]. `base` stands first in the link: of an
 * inline function that several objects hold, a linker keeps the first, and that one must run everywhere.
 */
export function nativePlan(arch, names = Object.keys(instructionSets[arch] ?? {})) {
  const sets = instructionSets[arch];
  if (sets === undefined) return null;
  return {
    compile: [
      ...names.toReversed().map((name) => ['kernels.cc', `kernels-${name}.o`, [...sets[name], `-DUNROLLED_ISA=${name}`]]),
      ['pool.cc', 'pool.o', []],
      ['addon.cc', 'addon.o', [`-DUNROLLED_SETS(X)=${names.map((name) => `X(${name})`).join('')}`]],
    ],
    link: process.platform === 'darwin' ? ['-shared', '-pthread', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread', '-s'],
  };
}

/** The sets worth compiling for this machine alone: those it has, as far as it says so. */
function setsOfThisMachine() {
  const sets = Object.entries(instructionSets[process.arch] ?? {});
  let features = null;
  try {
    features = new Set(
      readFileSync('/proc/cpuinfo', 'utf8')
        .match(/^flags\s*:(.*)$/m)?.[1]
        .trim()
        .split(/\s+/),
    );
  } catch {
    // Not Linux: all of them.
  }
  return sets.filter(([, flags]) => features === null || flags.every((flag) => features.has(flag.slice(2)))).map(([name]) => name);
}

/** One hash of everything under native/ and of `settings`. */
export function hashSources(settings) {
  const hash = createHash('sha256').update(JSON.stringify(settings));
  for (const name of readdirSync(folder).sort()) {
    if (/\.(h|cc)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}

/** The first C++ compiler that answers: $CXX, else g++, else clang++, else c++. */
async function findCompiler() {
  for (const name of process.env.CXX ? [process.env.CXX] : ['g++', 'clang++', 'c++']) {
    try {
      const { stdout } = await run(name, ['--version']);
      return { name, version: stdout.split('\n')[0] };
    } catch {
      // The next one may be there.
    }
  }
  return null;
}

/**
 * build/native/unrolled.node for this machine.
 * @returns {Promise<{ built: boolean, file?: string, reason?: string, log?: string }>} reason: why there is none
 */
export async function buildNative() {
  const output = join(root, 'build', 'native');
  const file = join(output, 'unrolled.node');
  const plan = nativePlan(process.arch, setsOfThisMachine());
  if (plan === null || process.platform === 'win32') {
    return { built: false, reason: `no rule to compile for ${process.platform} ${process.arch} here` };
  }
  const compiler = await findCompiler();
  if (compiler === null) {
    if (existsSync(file)) return { built: false, file };
    const asked = process.env.CXX ? `CXX=${process.env.CXX} does not run` : 'no C++ compiler found (g++, clang++)';
    return { built: false, reason: asked };
  }
  const stamp = join(output, 'unrolled.hash');
  const hash = hashSources([compiler, nativeFlags, plan]);
  if (existsSync(file) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return { built: false, file };

  mkdirSync(output, { recursive: true });
  const work = mkdtempSync(join(output, 'work-'));
  try {
    const logs = await Promise.all(
      plan.compile.map(([source, object, flags]) =>
        run(compiler.name, [...nativeFlags, ...flags, '-c', join(folder, source), '-o', join(work, object)]),
      ),
    );
    logs.push(
      await run(compiler.name, [...plan.compile.map(([, object]) => join(work, object)), ...plan.link, '-o', join(work, 'unrolled.node')]),
    );
    // Renamed, not overwritten: a process that has the old one loaded keeps it.
    renameSync(join(work, 'unrolled.node'), file);
    writeFileSync(stamp, hash);
    return { built: true, file, log: logs.map(({ stderr }) => stderr).join('') };
  } catch (error) {
    rmSync(stamp, { force: true });
    rmSync(file, { force: true });
    return { built: false, reason: `${compiler.name} could not compile native/`, log: `${error.message}\n${error.stderr ?? ''}` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
