// Secondary structure of proteins: where a chain of amino acids winds into a helix, and where it stretches into a strand. The
// proteins here are invented: helices with a greasy side (every third or fourth residue), strands with greasy and polar
// residues in turn, and loops between them. With real ones, see docs/tasks/protein-structure.md.
import { alignedStructure, predictStructure, prepareProteinStructure, Random, textOf } from 'unrolled';

const rng = new Random(1);
const pick = (letters: string): string => letters[rng.integer(letters.length)];
const stretches: Record<string, (i: number) => string> = {
  H: (i) => pick([0, 3, 4].includes(i % 7) ? 'LAIM' : 'EKQRA'),
  E: (i) => pick(i % 2 === 0 ? 'VIYF' : 'TKESQ'),
  C: () => pick('GPNDS'),
};
function protein(name: string): string {
  let sequence = '';
  let structure = '';
  while (sequence.length < 60) {
    for (const state of [pick('HE'), 'C']) {
      const length = state === 'C' ? 3 + rng.integer(4) : 6 + rng.integer(8);
      sequence += Array.from({ length }, (_, i) => stretches[state](i)).join('');
      structure += state.repeat(length);
    }
  }
  return `>${name}\n${sequence}\n>${name}\n${structure}\n`; // FASTA: the same name twice, sequence and structure
}
const fasta = Array.from({ length: 200 }, (_, i) => protein(`toy${i}`)).join('');

const training = await prepareProteinStructure(
  { train: [textOf(fasta)] },
  { window: 7, projectionSize: 16, hiddenSize: 16, numLayers: 1, learningRate: 0.01, averageDecay: 0.9, epochs: 8, seed: 1 },
);
for await (const event of training.run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: ${(100 * event.metrics.q3).toFixed(1)} % of the residues are right`);
}
console.log(alignedStructure(await predictStructure(training.model, 'GPSLEKAIRELAKQLGNDGVTVKIEYSGPNALQRLLEEAMKDSG'), process.stdout.isTTY));
