import { describe, expect, it } from 'vitest';
import { SymbolTable, spell } from './transcript.ts';

describe('spell', () => {
  it('writes transcripts so that they can be compared', () => {
    expect(spell('  Agent login.  Please enter… ', 'as-is')).toBe('Agent login. Please enter…');
    expect(spell('Agent  LOGIN.', 'lower')).toBe('agent login.');
    expect(spell("Call-Forward: don't, 'quoted' o’clock (42%)!", 'plain')).toBe("call forward don't quoted o'clock 42");
    expect(spell('Ça va très bien, merci', 'plain')).toBe('ça va très bien merci');
    expect(spell('…', 'plain')).toBe('');
  });
});

describe('SymbolTable', () => {
  it('numbers characters from 1, and leaves out what it does not know', () => {
    const table = SymbolTable.of('character', ['abba', 'a c']);
    expect(table.symbols).toEqual([' ', 'a', 'b', 'c']);
    expect(table.classes).toBe(5);
    expect([...table.encode('cab!')]).toEqual([4, 2, 3]);
    expect(table.decode([4, 2, 3])).toBe('cab');
  });

  it('numbers words and phonemes between blanks', () => {
    const table = SymbolTable.of('phoneme', ['HH AH L OW', 'L OW']);
    expect(table.symbols).toEqual(['AH', 'HH', 'L', 'OW']);
    expect(table.decode(table.encode('L OW ZZ AH'))).toBe('L OW AH');
  });
});
