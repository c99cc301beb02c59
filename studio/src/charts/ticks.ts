/** Numbers beside axes: short, with a true minus. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  const text =
    size >= 1e9
      ? `${trim(value / 1e9)}G`
      : size >= 1e6
        ? `${trim(value / 1e6)}M`
        : size >= 1e4
          ? `${trim(value / 1e3)}k`
          : size < 1e-3
            ? value.toExponential(1).replace(/\.0e/, 'e')
            : String(Number(value.toPrecision(4)));
  return text.replaceAll('-', '−');
}

const trim = (value: number): string => String(Number(value.toPrecision(3)));
