/** Commands as a user can type them. */

/** A word as a shell takes it: quoted where it must be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How this program was called, for commands that it proposes; a checkout's scripts say so in UNROLLED_COMMAND. */
export function programName(): string {
  return process.env.UNROLLED_COMMAND || 'unrolled';
}
