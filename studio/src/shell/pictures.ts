/** Pictures as numbers. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width] row-major: 0 black … 1 white; what is transparent is white. */
  readonly grey: Float32Array;
  /** [height, width, 3] row-major, 0…255. */
  readonly rgb: Uint8Array;
}

/** @param most pixels of the longer side; larger pictures are made smaller */
export async function pixelsOf(file: Blob, most = 1024): Promise<Pixels> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error('This is no picture that the browser can read.');
  });
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const grey = new Float32Array(width * height);
  const rgb = new Uint8Array(3 * width * height);
  for (let k = 0; k < grey.length; k++) {
    const [r, g, b] = [data[4 * k], data[4 * k + 1], data[4 * k + 2]];
    rgb.set([r, g, b], 3 * k);
    grey[k] = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  }
  return { width, height, grey, rgb };
}
