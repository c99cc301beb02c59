/** A protein's helices and strands from its sequence. */
import { predictStructure, proteinStructureModelFrom, type StructurePrediction } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export const task: TryTask<string, StructurePrediction> = {
  open(file): OpenModel<string, StructurePrediction> {
    const { model } = proteinStructureModelFrom(file);
    const { states, profileSize } = model.architecture;
    return {
      about: { needsProfile: profileSize > 0 },
      facts: [...factsOf(file), ['states', String(states)]],
      // FASTA's heading is no part of the sequence.
      ask: (text) => predictStructure(model, text.replaceAll(/^>.*$/gm, '')),
    };
  },
};
