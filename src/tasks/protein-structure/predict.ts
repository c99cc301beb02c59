/** Structures of sequences: one by one, as they are read. */
import { FormatError } from '../../tensor/errors.ts';
import { aminoAcidId, statesOf, targetTable } from './alphabet.ts';
import { samplesOf } from './batches.ts';
import { likeliest, probabilitiesOf } from './infer.ts';
import type { ProteinStructureModel } from './model.ts';
import { type Protein, profileSizeOf } from './protein.ts';

/** What a model says of one protein. */
export interface StructurePrediction {
  readonly name: string;
  readonly sequence: string;
  /** One letter a residue: the likeliest state. */
  readonly structure: string;
  /** Letters of the states, in the order of the probabilities: HEC or HGIBETSC. */
  readonly states: string;
  /** [T][C] */
  readonly probabilities: readonly (readonly number[])[];
}

/** Proteins that are predicted together: enough for full batches, few enough to see the first ones soon. */
const proteinsAtOnce = 64;

/**
 * Predictions in the order of the proteins, as they are read.
 *
 * @throws FormatError when a protein lacks the profile that the model needs
 * @example for await (const { name, structure } of predictStructures(model, proteins)) console.log(name, structure);
 */
export async function* predictStructures(
  model: ProteinStructureModel,
  proteins: AsyncIterable<Protein> | Iterable<Protein>,
): AsyncGenerator<StructurePrediction> {
  let waiting: Protein[] = [];
  for await (const protein of proteins) {
    waiting.push(checked(model, protein));
    if (waiting.length < proteinsAtOnce) continue;
    yield* await predicted(model, waiting);
    waiting = [];
  }
  yield* await predicted(model, waiting);
}

/**
 * The structure of one sequence. A model that needs profiles takes whole proteins: `predictStructures`.
 *
 * @param sequence  amino acids in one-letter code; blanks and line ends are left out
 * @throws FormatError when a letter is no amino acid
 * @example const { structure } = await predictStructure(model, 'MKTAYIAKQRQISFVKSHFSRQ'); // 'CCHHHHHHHHHHHHHHHHHHHC'
 */
export async function predictStructure(model: ProteinStructureModel, sequence: string, name = 'sequence'): Promise<StructurePrediction> {
  const [prediction] = await predicted(model, [checked(model, proteinOf(sequence, name))]);
  return prediction;
}

/** A sequence as it is typed. */
export function proteinOf(text: string, name: string): Protein {
  const lines = text.split('\n');
  lines.forEach((line, l) => {
    const column = Array.from(line).findIndex((letter) => !/\s/.test(letter) && aminoAcidId(letter.charCodeAt(0)) < 0);
    if (column >= 0) {
      throw new FormatError(`expected an amino acid, found "${Array.from(line)[column]}". Give letters, such as MKTAYIAK, or FASTA.`, {
        file: name,
        line: l + 1,
        column: column + 1,
      });
    }
  });
  const sequence = text.replaceAll(/\s+/g, '');
  if (sequence === '') throw new FormatError('expected a sequence of amino acids, such as MKTAYIAK, found nothing.', { file: name });
  return { name, sequence, states: null, profile: null };
}

async function predicted(model: ProteinStructureModel, proteins: readonly Protein[]): Promise<StructurePrediction[]> {
  const { states: C, reduction } = model.architecture;
  const letters = statesOf(C);
  const predictions = new Array<StructurePrediction>(proteins.length);
  for await (const [i, probabilities] of probabilitiesOf(model, samplesOf(proteins, targetTable(C, reduction)))) {
    const { name, sequence } = proteins[i];
    predictions[i] = {
      name,
      sequence,
      structure: Array.from(likeliest(probabilities, C), (state) => letters[state]).join(''),
      states: letters,
      probabilities: Array.from(sequence, (_, t) => Array.from(probabilities.subarray(t * C, (t + 1) * C))),
    };
  }
  return predictions;
}

/** The protein, if it has the profile that the model needs. */
function checked(model: ProteinStructureModel, protein: Protein): Protein {
  const { profileSize } = model.architecture;
  const given = profileSizeOf([protein]);
  if (profileSize === 0 || given === profileSize) return protein;
  throw new FormatError(
    `"${protein.name}": expected a profile of ${profileSize} numbers a residue, as the model was trained with, found ${given === 0 ? 'none' : given}. Give a file that has it.`,
  );
}
