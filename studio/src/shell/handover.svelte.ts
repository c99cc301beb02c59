/** A model on its way from one page of the studio to another. */
export interface ModelInHand {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

class Handover {
  model = $state.raw<ModelInHand | null>(null);
}

export const handover = new Handover();
