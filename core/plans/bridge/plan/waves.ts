// In which order nodes are bridged: one canary, then 1, 2, 4 … at once up to a cap, and those that everything else hangs on
// last, one by one.

export interface WaveNode {
  readonly name: string;
  /** The head, and the machine that the console runs on: the later of them last. */
  readonly isHead: boolean;
  readonly isConsole: boolean;
}

/** Each node once. The first wave is a canary that is neither head nor console, where there is one. */
export function planWaves(nodes: readonly WaveNode[], cap: number): string[][] {
  const early = nodes.filter(({ isHead, isConsole }) => !isHead && !isConsole);
  const late = nodes
    .filter(({ isHead, isConsole }) => isHead || isConsole)
    .sort((a, b) => Number(a.isConsole) - Number(b.isConsole));
  const waves: string[][] = [];
  const [canary, ...rest] = early.map(({ name }) => name);
  if (canary !== undefined) waves.push([canary]);
  let size = 1;
  for (let at = 0; at < rest.length; at += size) {
    if (at > 0) size = Math.min(size * 2, cap);
    waves.push(rest.slice(at, at + size));
  }
  return [...waves, ...late.map(({ name }) => [name])];
}
