import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Launch } from './contender.ts';
import { measure } from './measure.ts';
import { mergeRecords, recordsOf } from './records.ts';
import { median, quantile, spread } from './statistics.ts';
import { flopsOf, numbersOf, type Workload, workloads } from './workloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const workload: Workload = { ...workloads[0], T: 3, B: 2, inputSize: 4, hiddenSize: 5, vocabulary: 6 };

/** A library that computes `outputs` and takes `ms` each time. */
function contender(outputs: readonly number[], ms: number): Launch {
  const file = join(folder, `${outputs.join('_')}-${ms}.mjs`);
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs';
     import { createInterface } from 'node:readline';
     for await (const line of createInterface({ input: process.stdin })) {
       const { setup } = JSON.parse(line);
       if (setup) writeFileSync(setup.outputFile, new Uint8Array(Float32Array.of(${outputs.join(',')}).buffer));
       console.log(JSON.stringify(setup ? { ready: { name: 'Fake', version: '1' } } : { ms: ${ms} }));
     }`,
  );
  return { command: process.execPath, args: [file] };
}

describe('measure', () => {
  test('takes rounds in turns, keeps the fastest alternative, and gives the ratio of the times', async () => {
    const entrants = [
      { label: 'plain', launches: [contender([1, 2], 10)] },
      { label: 'torch', launches: [contender([1, 2], 50), contender([1, 2.00001], 30)] },
    ];
    const measurement = await measure(workload, 1, entrants, 4);
    expect(measurement.measured.map(({ samplesMs }) => samplesMs)).toEqual([
      [10, 10, 10, 10],
      [30, 30, 30, 30],
    ]);
    const [record] = recordsOf({ workload, backend: 'native', threads: 1, command: 'unrolled bench' }, measurement);
    expect(record).toMatchObject({ peer: 'torch', medianMs: 10, peerMedianMs: 30, ratio: 3, rounds: 4, versions: { Fake: '1' } });
    expect(record.largestDifference).toBeCloseTo(5e-6, 6);
  });

  test('does not time what computes something else', async () => {
    const entrants = [
      { label: 'plain', launches: [contender([1, 2], 10)] },
      { label: 'torch', launches: [contender([1, 2.1], 30)] },
    ];
    await expect(measure(workload, 1, entrants, 2)).rejects.toThrow(/torch computes something else than plain: outputs differ by 0.0/);
  });

  test('says what a contender said before it died', async () => {
    const dying: Launch = { command: process.execPath, args: ['-e', 'console.error("no such kernel"); process.exit(3)'] };
    await expect(measure(workload, 1, [{ label: 'plain', launches: [dying] }], 1)).rejects.toThrow(
      /plain ended without an answer\nno such kernel/,
    );
  });
});

test('operations of a training step are three times the forward products, and folding spares the input product', () => {
  const { T, B, inputSize: I, hiddenSize: H, vocabulary: V } = workload;
  const products = 4 * H * (I + H) + 4 * H * (H + H) + H * V;
  expect(flopsOf(workload)).toBe(6 * T * B * products);
  expect(flopsOf({ ...workload, T: 100 }) - flopsOf({ ...workload, T: 100 }, true)).toBe(6 * 4 * H * I * (100 * B - V));
});

test('every contender gets the same numbers, named as PyTorch names them', () => {
  const numbers = numbersOf(workload);
  expect([...numbers.keys()].slice(0, 4)).toEqual(['rnn.weight_ih_l0', 'rnn.weight_hh_l0', 'rnn.bias_ih_l0', 'rnn.bias_hh_l0']);
  expect(numbers.get('rnn.weight_ih_l1')!.shape).toEqual([20, 5]);
  expect(Math.max(...numbers.get('tokens')!.values)).toBeLessThan(6);
  expect(numbersOf(workload)).toEqual(numbers);
});

test('a later record replaces the one of the same measurement', async () => {
  const file = join(folder, 'records.json');
  const run = async (ms: number, threads: number) => {
    const measurement = await measure(workload, threads, [{ label: 'plain', launches: [contender([1], ms)] }], 1);
    mergeRecords(file, recordsOf({ workload, backend: 'wasm', threads, command: '' }, measurement));
  };
  await run(10, 1);
  await run(20, 2);
  await run(30, 1);
  const records = JSON.parse(readFileSync(file, 'utf8')) as { threads: number; medianMs: number }[];
  expect(records.map(({ threads, medianMs }) => [threads, medianMs])).toEqual([
    [2, 20],
    [1, 30],
  ]);
});

test('statistics', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
  expect(spread([8, 9, 10, 11, 12])).toBeCloseTo(0.2);
});
