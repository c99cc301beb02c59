/** The WebAssembly kernels, with relaxed SIMD and without. */
import { setFlagsFromString } from 'node:v8';
import { createWasm } from '../../src/backend/wasm.ts';
import { conformance } from './conformance.ts';

// Node 20 has relaxed SIMD behind a flag, later ones have it by themselves (and ignore the flag).
setFlagsFromString('--experimental-wasm-relaxed-simd');

conformance({ backend: 'wasm', label: 'wasm, SIMD', open: () => createWasm('simd') });
conformance({ backend: 'wasm', label: 'wasm, relaxed SIMD', isVariant: true, open: () => createWasm('relaxed') });
