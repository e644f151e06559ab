// What a degree means for a cluster of a given size, in words for the wizard.

export interface DegreeAdvice {
  /** Links that each node will hold: the degree, or all others when there are fewer. */
  readonly perNode: number;
  /** Links in the whole mesh, at least. */
  readonly links: number;
  /** Nodes that may be lost at the same moment before two others can lose each other, at the least. */
  readonly survivesLosses: number;
  /** About how many links a message crosses at most. */
  readonly hops: number;
  readonly verdict: 'good' | 'thin' | 'heavy';
  /** One or two sentences for the wizard. */
  readonly text: string;
}

/**
 * What `degree` means for `count` nodes. Random graphs in which each node has k links hold together through any k - 1
 * losses almost surely (Bollobás, Random Graphs, 7.6), and are about log(n) / log(k - 1) links across.
 */
export function describeDegree(degree: number, count: number): DegreeAdvice {
  const perNode = Math.max(0, Math.min(degree, count - 1));
  const isFull = perNode === count - 1;
  const links = Math.ceil((perNode * count) / 2);
  // In a full mesh every two nodes have their own link.
  const survivesLosses = isFull ? Math.max(0, count - 2) : Math.max(0, perNode - 1);
  const hops = isFull ? Math.min(1, perNode) : perNode < 3 ? Math.ceil(count / 2) : acrossRandom(perNode, count);
  const advice = { perNode, links, survivesLosses, hops };
  if (count <= 1) return { ...advice, verdict: 'good', text: 'One node needs no links.' };
  if (perNode === 0) return { ...advice, verdict: 'thin', text: 'Degree 0: no node dials another, so no mesh forms.' };
  const each = `Each of the ${count} nodes holds ${perNode} ${perNode === 1 ? 'link' : 'links'}, ${links} in all`;
  if (isFull) {
    const heavy = count > 50;
    const tail = heavy
      ? ': with this many nodes, 3 does the same for far less.'
      : ': every node reaches every other directly.';
    return { ...advice, verdict: heavy ? 'heavy' : 'good', text: `${each}${tail}` };
  }
  if (perNode < 3) {
    const tail =
      perNode === 1
        ? 'pairs, that find each other only by and by, and every loss splits it'
        : 'a ring at best, which two losses split until it has healed';
    return { ...advice, verdict: 'thin', text: `${each}: ${tail}. 3 is advised.` };
  }
  const heavy = perNode > 8;
  const tail = `any ${survivesLosses} of them may be lost at once, and a message crosses about ${hops} links at most`;
  const end = heavy ? '. More than 8 links make every change cost more than they gain.' : '.';
  return { ...advice, verdict: heavy ? 'heavy' : 'good', text: `${each}: ${tail}${end}` };
}

function acrossRandom(degree: number, count: number): number {
  return Math.max(2, Math.ceil(Math.log(count) / Math.log(degree - 1)) + 1);
}
