// What one layer of a packet says in a line, and that of the layer below it where the packet is cut.
import { CutShort } from './bytes.ts';

/** What one layer says; a layer above it says more. */
export interface Layer {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly info: string;
}

/** What the upper layer says, or that it is cut short and what the lower one knows. */
export function layered(read: () => Layer, lower: Layer): Layer {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
    return { ...lower, info: lower.info === '' ? 'cut short' : `${lower.info} (cut short)` };
  }
}
