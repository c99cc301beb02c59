/** Probabilities of each residue's states, for many proteins at a time. */
import { softmax } from '../../autograd/ops/softmax.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { Breath } from '../../training/breath.ts';
import { reductionTable, threeStates } from './alphabet.ts';
import { collate, type Sample } from './batches.ts';
import type { Architecture } from './config.ts';
import type { ProteinStructureModel } from './model.ts';

/** Residues of one forward, padding counted. */
const residuesAtOnce = 8192;

/**
 * [T, C] row-major of each sample, with its index, batch by batch: samples of about one length go together.
 *
 * @param pause  called between forwards: lets the host's other work run
 */
export async function* probabilitiesOf(
  model: ProteinStructureModel,
  samples: readonly Sample[],
  pause: () => Promise<void> = pauseNow(),
): AsyncGenerator<readonly [index: number, probabilities: Float32Array]> {
  const { window, profileSize, states: C } = model.architecture;
  const wasTraining = model.isTraining;
  model.eval();
  try {
    for (const indices of batchesByLength(samples)) {
      const batch = collate(
        indices.map((i) => samples[i]),
        window,
        profileSize,
      );
      const values = scope(() => noGrad(() => softmax(model.forward(batch)).dataSync()));
      for (const [b, index] of indices.entries()) {
        const begin = b * batch.length * C;
        yield [index, Float32Array.from(values.subarray(begin, begin + batch.lengths[b] * C))];
      }
      await pause();
    }
  } finally {
    model.train(wasTraining);
  }
}

/** [T] numbers of the likeliest states. @param probabilities [T, C] row-major */
export function likeliest(probabilities: Float32Array, C: number): Uint8Array {
  return Uint8Array.from({ length: probabilities.length / C }, (_, t) => {
    let best = 0;
    for (let c = 1; c < C; c++) if (probabilities[t * C + c] > probabilities[t * C + best]) best = c;
    return best;
  });
}

/** [T, 3], of eight states, those that belong to one of three are added up. */
export function inThreeStates(probabilities: Float32Array, { states: C, reduction }: Architecture): Float32Array {
  if (C === 3) return probabilities;
  const table = reductionTable(reduction);
  const three = new Float32Array((probabilities.length / C) * threeStates.length);
  for (let i = 0; i < probabilities.length; i++) three[Math.floor(i / C) * threeStates.length + table[i % C]] += probabilities[i];
  return three;
}

function batchesByLength(samples: readonly Sample[]): number[][] {
  const length = (i: number): number => samples[i].residues.length;
  const order = samples.map((_, i) => i).sort((a, b) => length(a) - length(b));
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const i of order) {
    if (batch.length > 0 && (batch.length + 1) * length(i) > residuesAtOnce) {
      batches.push(batch);
      batch = [];
    }
    batch.push(i);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}
