/** The studio's server, where the page has one: as static files it works without. */

export const hasServer = document.querySelector('meta[name="unrolled-server"]') !== null;

export interface RunEntry {
  readonly id: string;
  readonly hasModel: boolean;
  readonly eventBytes: number;
  readonly changed: number;
}

export interface ModelEntry {
  readonly id: string;
  readonly bytes: number;
  readonly changed: number;
}

export interface LibraryEntries {
  readonly runs: readonly RunEntry[];
  readonly models: readonly ModelEntry[];
}

/** null: there is no server, or it does not answer. */
export async function readLibrary(): Promise<LibraryEntries | null> {
  if (!hasServer) return null;
  try {
    const response = await fetch('./api/library');
    return response.ok ? ((await response.json()) as LibraryEntries) : null;
  } catch {
    return null;
  }
}

export async function readModel(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`./api/model?id=${encodeURIComponent(id)}`);
  if (!response.ok) throw new Error(`The server has no model “${id}” any more.`);
  return new Uint8Array(await response.arrayBuffer());
}
