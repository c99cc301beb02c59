/**
 * Builds the kernels of a checkout, native and WebAssembly. It runs when npm has installed a checkout's packages (`prepare`;
 * not in a project that depends on the package), and as the first part of `npm run build`. Without a C++ compiler there is
 * no native backend, and that is fine. VERBOSE=1 shows what the compilers say.
 */
import { fileURLToPath } from 'node:url';
import { buildNative } from './native.mjs';
import { buildWasm } from './wasm.mjs';

export async function buildKernels() {
  const [native, wasm] = await Promise.all([buildNative(), buildWasm()]);
  if (native.built) console.log(`native kernels: built`);
  if (native.reason !== undefined)
    console.log(`native kernels: none, ${native.reason}; WebAssembly will be used, which is slower but complete.`);
  if (wasm.built)
    console.log(
      `WebAssembly kernels: built (${Object.entries(wasm.bytes)
        .map(([name, bytes]) => `${name} ${(bytes / 1000).toFixed(0)} kB`)
        .join(', ')})`,
    );
  if (process.env.VERBOSE) console.log(`${native.log ?? ''}${wasm.log ?? ''}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels();
