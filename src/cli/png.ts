/** SVG to PNG, with the fonts that the figure brings: the same picture on a machine that has no fonts at all. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FontFace } from '../insight/figure/font-face.ts';

let isReady = false;

/** @param width  in pixels */
export async function renderPng(svg: string, width: number, fonts: readonly FontFace[]): Promise<Uint8Array> {
  const { initWasm, Resvg } = await import('@resvg/resvg-wasm');
  if (!isReady) await initWasm(await readFile(createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm')));
  isReady = true;
  const image = new Resvg(svg, {
    fitTo: { mode: 'width', value: width },
    font: {
      fontBuffers: fonts.map(({ woff2 }) => Buffer.from(woff2, 'base64')),
      defaultFontFamily: 'Unrolled Sans',
      sansSerifFamily: 'Unrolled Sans',
      serifFamily: 'Unrolled Math',
    },
  });
  const rendered = image.render();
  const png = rendered.asPng();
  rendered.free();
  image.free();
  return png;
}
