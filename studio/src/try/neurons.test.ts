import { expect, test } from 'vitest';
import { findUnits } from './neurons.ts';

test('the unit that is on inside quotes is found among noise', () => {
  const tokens = [...'he said "go on" and "stop" and went away'];
  const H = 5;
  let isInside = false;
  const values = new Float32Array(tokens.length * H);
  tokens.forEach((token, t) => {
    if (token === '"') isInside = !isInside;
    for (let unit = 0; unit < H; unit++) values[t * H + unit] = unit === 3 ? (isInside ? -0.9 : 0.8) : Math.sin(7 * t * (unit + 1));
  });
  const found = findUnits(tokens, values, H).find(({ feature }) => feature === 'inside quotes');
  expect(found).toMatchObject({ unit: 3 });
  expect(found!.correlation).toBeLessThan(-0.99);
});

test('what does not occur in the text is not looked for', () => {
  expect(findUnits([...'abc'], new Float32Array(3), 1).map(({ feature }) => feature)).not.toContain('digits');
});
