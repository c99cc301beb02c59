/**
 * The visual grammar: each quantity has one colour, in every picture, and always its letter beside it. Colours are those of Okabe
 * and Ito, apart for every kind of colour vision; text takes a darker (on dark paper a lighter) shade of the same hue, at a
 * contrast of 4.5 or more.
 */

/** What a line, a box or a letter can stand for. */
export const roles = ['x', 'h', 'c', 'forget', 'input', 'candidate', 'output', 'gradient', 'ink', 'soft'] as const;
export type Role = (typeof roles)[number];

/** A quantity of a cell, by its letter. GRU's update and reset share the colours of LSTM's forget and input gates. */
export type Quantity = 'x' | 'h' | 'c' | 'f' | 'i' | 'g' | 'o' | 'z' | 'r' | 'n' | 'y';

export const roleOf: Readonly<Record<Quantity, Role>> = {
  x: 'x',
  h: 'h',
  c: 'c',
  f: 'forget',
  z: 'forget',
  i: 'input',
  r: 'input',
  g: 'candidate',
  n: 'candidate',
  o: 'output',
  y: 'ink',
};

/** Colours of one role: of lines, of text, and inside boxes. */
interface Shades {
  readonly line: string;
  readonly text: string;
  readonly fill: string;
}

/** Everything that has a colour. */
export interface Palette {
  readonly paper: string;
  /** Inside of a cell. */
  readonly body: string;
  /** Frames and hairlines. */
  readonly rule: string;
  readonly roles: Readonly<Record<Role, Shades>>;
  /** Signed values from most negative over 0 to most positive. */
  readonly signed: readonly [string, string, string];
  /** Values from 0 to 1. */
  readonly unit: readonly [string, string];
}

export const light: Palette = {
  paper: '#ffffff',
  body: '#f7f9fb',
  rule: '#cfd7df',
  roles: {
    x: { line: '#64748b', text: '#475569', fill: '#eef2f6' },
    h: { line: '#0072b2', text: '#0068a3', fill: '#e3f0f9' },
    c: { line: '#e69f00', text: '#8f6200', fill: '#fdf3dc' },
    forget: { line: '#d55e00', text: '#ad4b00', fill: '#fce9dc' },
    input: { line: '#009e73', text: '#007857', fill: '#ddf3ec' },
    candidate: { line: '#56b4e9', text: '#1b7296', fill: '#e4f3fc' },
    output: { line: '#cc79a7', text: '#a04a7c', fill: '#f9eaf2' },
    gradient: { line: '#c62828', text: '#b71c1c', fill: '#fdecea' },
    ink: { line: '#3b4754', text: '#1b2733', fill: '#ffffff' },
    soft: { line: '#94a3b3', text: '#566371', fill: '#ffffff' },
  },
  signed: ['#0072b2', '#ffffff', '#d96b00'],
  unit: ['#f6f4fa', '#54278f'],
};

export const dark: Palette = {
  paper: '#10161d',
  body: '#161e27',
  rule: '#354352',
  roles: {
    x: { line: '#94a3b8', text: '#b9c5d2', fill: '#1e2935' },
    h: { line: '#4ba6e0', text: '#74c0f2', fill: '#12304a' },
    c: { line: '#e69f00', text: '#f4bd4f', fill: '#3a2c0c' },
    forget: { line: '#e8722a', text: '#ff9a5c', fill: '#40220f' },
    input: { line: '#12b386', text: '#4fd3ad', fill: '#0c3529' },
    candidate: { line: '#6cc3f5', text: '#9ad7fa', fill: '#13364a' },
    output: { line: '#d98cb8', text: '#eab0d0', fill: '#40223a' },
    gradient: { line: '#ff7a70', text: '#ff948b', fill: '#411a1a' },
    ink: { line: '#c3ced9', text: '#e8eef4', fill: '#10161d' },
    soft: { line: '#66768a', text: '#9fadbb', fill: '#10161d' },
  },
  signed: ['#58b2ee', '#131a22', '#f0922e'],
  unit: ['#1b1826', '#bfa4f2'],
};

/** Shades on each side of 0, and from 0 to 1: finer than an eye can tell apart in a small square. */
export const shades = 16;

/** The class of a signed value, `scale` being full colour. */
export function signedClass(value: number, scale: number): string {
  const level = scale > 0 ? Math.round(Math.max(-1, Math.min(1, value / scale)) * shades) : 0;
  return level < 0 ? `m${-level}` : `p${level}`;
}

/** The class of a value between 0 and 1. */
export function unitClass(value: number): string {
  return `u${Math.round(Math.max(0, Math.min(1, value)) * shades)}`;
}

/** The colour of a class that `signedClass` or `unitClass` gave. */
export function shadeOf(name: string, { signed, unit }: Palette): string {
  const share = Number(name.slice(1)) / shades;
  if (name[0] === 'u') return mix(unit[0], unit[1], share);
  return mix(signed[1], name[0] === 'm' ? signed[0] : signed[2], share);
}

/** Whether text on this class's colour takes the paper's colour: where its contrast is above that of ink. */
export function isStrong(name: string): boolean {
  return Number(name.slice(1)) >= (name[0] === 'u' ? 10 : 13);
}

function mix(from: string, to: string, share: number): string {
  const channel = (color: string, k: number): number => Number.parseInt(color.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => Math.round(channel(from, k) + (channel(to, k) - channel(from, k)) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
