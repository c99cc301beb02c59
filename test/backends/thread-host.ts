/** A program, and a worker, that computes on two threads of WebAssembly, tells a sum, and does what it is told. */
import { parentPort } from 'node:worker_threads';
import { createWasm } from '../../src/backend/wasm.ts';

const n = 256;
const backend = createWasm('simd');
backend.setThreads(2);
const [a, b, c] = [0, 0, 0].map(() => backend.allocate('float32', n * n));
backend.write(
  a,
  Float32Array.from({ length: n * n }, (_, i) => Math.sin(i)),
);
backend.copy(a, b);
const multiply = (): void => backend.gemm({ M: n, N: n, K: n, a, b, c });
for (let i = 0; i < 50; i++) multiply();
const sum = (backend.read(c) as Float32Array).reduce((total, x) => total + x, 0);

const told = process.argv[2];
if (parentPort !== null) parentPort.postMessage(sum);
else {
  console.log(sum);
  if (told === 'exit') process.exit(7);
  if (told === 'throw') throw new Error('as it was told');
  while (told === 'go on') multiply();
}
