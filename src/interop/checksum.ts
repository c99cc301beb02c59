/** A checksum over tensors and text: finds damage, not forgery. Any change of one 32-bit word changes it. */
import type { StateDict } from '../nn/module.ts';
import type { TypedArray } from '../tensor/shape.ts';

/** 8 hexadecimal digits over names, shapes and bytes of the tensors, whatever their order, and a text. */
export function checksumOf(tensors: StateDict, text = ''): string {
  let hash = mixText(0x811c9dc5, text);
  for (const name of [...tensors.keys()].sort()) {
    const { shape, values } = tensors.get(name)!;
    hash = mixText(hash, `${name}[${shape}]`);
    hash = mixWords(hash, values);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** FNV-1a's step, on words: xor and multiplication by an odd number are both reversible, so no change is lost on the way. */
function mixWords(hash: number, values: TypedArray): number {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  return hash;
}

function mixText(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
