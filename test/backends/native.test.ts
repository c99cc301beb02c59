/** The native kernels, in every instruction set that this machine has. */

import { createNative } from '../../src/backend/native.ts';
import { loadNative } from '../../src/backend/platform-node.ts';
import { getBackend } from '../../src/backend/select.ts';
import { conformance } from './conformance.ts';

conformance({ backend: 'native', label: 'native', open: () => getBackend('native') as ReturnType<typeof createNative> });

const search = loadNative();
const chosen = 'addon' in search ? search.addon.load()?.instructionSet : undefined;
for (const instructionSet of ['avx512', 'avx2', 'base']) {
  if (!('addon' in search) || instructionSet === chosen) continue;
  conformance({
    backend: 'native',
    label: `native, ${instructionSet}`,
    isVariant: true,
    open: () => createNative(search.addon, instructionSet),
  });
}
