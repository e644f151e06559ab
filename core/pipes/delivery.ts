// Which readers get a message of a named pipe, over all nodes.

export const pipeModes = ['all', 'round-robin', 'random'] as const;
export type PipeMode = (typeof pipeModes)[number];

/** One reader: which node has it, and which of the readers there it is, from 0 up. */
export interface ReaderPlace {
  readonly nodeId: string;
  readonly index: number;
}

/**
 * The readers that get the message with this number (from 0 up), in the order of the nodes. `readers`: how many there are on each node;
 * `random` gives a number from 0 up to 1, without 1.
 */
export function readersOf(
  readers: ReadonlyMap<string, number>,
  { mode, turn, random }: { readonly mode: PipeMode; readonly turn: number; readonly random: () => number },
): ReaderPlace[] {
  const places = [...readers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([nodeId, count]) => Array.from({ length: count }, (_, index) => ({ nodeId, index })));
  if (mode === 'all' || places.length === 0) return places;
  const at = mode === 'random' ? Math.floor(random() * places.length) : turn % places.length;
  return places.slice(at, at + 1);
}

/** Whether a plumb from one pipe to another would close a circle in which messages run forever. `links`: pairs of pipes that are there. */
export function closesCircle(
  links: readonly (readonly [from: string, to: string])[],
  from: string,
  to: string,
): boolean {
  const reached = new Set([to]);
  for (const pipe of reached) {
    if (pipe === from) return true;
    for (const [source, target] of links) if (source === pipe) reached.add(target);
  }
  return false;
}
