/** The WebAssembly kernels, with relaxed SIMD where this engine has it, and without. */
import { createWasm, wasmVariant } from '../../src/backend/wasm.ts';
import { conformance } from './conformance.ts';

conformance({ backend: 'wasm', label: 'wasm, SIMD', open: () => createWasm('simd') });
if (wasmVariant() === 'relaxed') conformance({ backend: 'wasm', label: 'wasm, relaxed SIMD', open: () => createWasm('relaxed') });
