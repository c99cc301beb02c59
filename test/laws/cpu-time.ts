/** A clock for tests that is still where the machine is busy with something else. */

/** Milliseconds of processor time that this process has used. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
