// An echo state network learns a chaotic system in a moment, goes on with it by itself, and shows what it told beside what came.
//   npx tsx examples/19-reservoir.ts [run.svg]
import { writeFileSync } from 'node:fs';
import { crossValidate, drawRun, EchoStateNetwork, mackeyGlass, nrmse, Random, searchReservoir, select, tensor } from 'unrolled';

const series = mackeyGlass(3000).map((value) => Math.tanh(value - 1));
const part = (from: number, to: number) => tensor(Float32Array.from(series.subarray(from, to)), { shape: [1, to - from, 1] });

// Which reservoir? A few points of its options, each judged by free runs in the order of time.
const sizes = { inputSize: 1, outputSize: 1, hiddenSize: 100, washout: 100 };
let best = { score: Infinity, ridge: 0, point: {} };
const evaluate = (point: object) =>
  crossValidate({ ...sizes, ...point, rng: new Random(1) }, part(0, 1999), part(1, 2000), { freeRun: 84 });
for await (const { point, score, result } of searchReservoir(evaluate, { trials: 8, method: 'random', rng: new Random(4) })) {
  if (result !== null && score < best.score) best = { score, ridge: result.ridge, point };
}
console.log('best of 8:', best);

// A larger one of the kind learns from all of it: a reservoir that is driven once, and one system of equations.
const began = performance.now();
const esn = new EchoStateNetwork({ ...sizes, ...best.point, ridge: best.ridge, hiddenSize: 400, rng: new Random(1) });
const { rows, nrmse: error, state } = esn.fit(part(0, 1999), part(1, 2000));
console.log(`${rows} steps learnt in ${(performance.now() - began).toFixed(0)} ms; error of the next step ${error[0].toExponential(1)}`);

// It goes on: each output is the next input. The state is a value; from the same one it goes the same way again.
const { output } = esn.generate(300, state);
const told = output.dataSync();
console.log('84 steps by itself, error', nrmse(told.subarray(0, 84), series.subarray(2000, 2084)).toFixed(4));
const again = esn.step(state[1], state);
console.log('one step from the same state:', again.output.item() === select(output, 1, 0).item() ? 'the same' : 'another');

const picture = process.argv[2];
if (picture !== undefined) {
  const truth = series.subarray(2000, 2300);
  writeFileSync(picture, drawRun([{ name: 'Mackey-Glass', before: series.subarray(1900, 2000), told, truth }]));
}
