/** Gives the host's event loop its turn, often enough and no oftener. */

/** Milliseconds of work between two turns: far below the 50 after which a host feels stuck. */
const interval = 10;

export class Breath {
  #last = performance.now();

  /** Waits for one turn of the event loop, unless there was one just now. Never changes a result. */
  async pause(): Promise<void> {
    if (performance.now() - this.#last < interval) return;
    await turn();
    this.#last = performance.now();
  }
}

/** A promise alone would not do: its callbacks run before timers and input. setTimeout waits 4 ms in browsers, a message does not. */
function turn(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
