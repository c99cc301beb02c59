/** A JavaScript peer's side of the protocol in src/cli/bench/contender.ts: one JSON line in, one out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Serves one peer until stdin ends.
 *
 * @param {(request: object) => Promise<{ name: string, version: string, outputs: ArrayLike<number>, call: () => unknown, remark?: string }>} prepare
 *   builds the workload from `request.workload` and `request.tensors` (PyTorch's names, each `{ shape, values }`)
 *   and answers with what its first calls gave, and the call to be timed. Throwing `Unsupported` says that the library cannot do it.
 */
export async function serve(prepare) {
  console.log = console.error; // stdout carries the protocol only; libraries like to greet
  let call;
  let calls = 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const { setup } = JSON.parse(line);
    try {
      if (setup === undefined) {
        const start = performance.now();
        for (let i = 0; i < calls; i++) await call();
        answer({ ms: (performance.now() - start) / calls });
        continue;
      }
      const { outputs, call: prepared, ...about } = await prepare({ ...setup, tensors: readTensors(setup) });
      call = prepared;
      calls = setup.workload.calls;
      writeFileSync(setup.outputFile, new Uint8Array(Float32Array.from(outputs).buffer));
      answer({ ready: about });
    } catch (error) {
      answer(error instanceof Unsupported ? { unsupported: error.message } : { failed: error.stack ?? String(error) });
    }
  }
  process.exit(0);
}

/** The library has no such operation, or not on this backend. */
export class Unsupported extends Error {}

function readTensors({ tensorFile, tensors }) {
  const bytes = readFileSync(tensorFile);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, offset }]) => [
      name,
      {
        shape,
        values: all.slice(offset, offset + shape.reduce((a, b) => a * b, 1)),
      },
    ]),
  );
}

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** The installed version of a peer. */
export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

/** Blocks of `size` rows of a matrix, in another order: gates from PyTorch's order to a peer's. */
export function reorderGates(values, gates, order) {
  const size = values.length / gates;
  const out = new Float32Array(values.length);
  order.forEach((from, to) => {
    out.set(values.subarray(from * size, (from + 1) * size), to * size);
  });
  return out;
}

/** [rows, columns] to [columns, rows]. */
export function transpose(values, rows, columns) {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}

/** [T, B, …] to [B, T, …], `inner` numbers each. */
export function swapTimeAndBatch(values, T, B, inner) {
  const out = new Float32Array(values.length);
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) out.set(values.subarray((t * B + b) * inner, (t * B + b + 1) * inner), (b * T + t) * inner);
  return out;
}

export function sum(a, b) {
  return a.map((value, i) => value + b[i]);
}
