// What a degree means for a mesh of so many nodes, in words for the deploy wizard.

export interface DegreeWords {
  readonly text: string;
  readonly tone: 'ok' | 'warn';
}

/** `nodes` counts the head too. */
export function describeDegree(degree: number, nodes: number): DegreeWords {
  if (!Number.isInteger(degree) || degree < 0) return { text: 'A degree is a whole number, 0 or more.', tone: 'warn' };
  if (nodes <= 1) return { text: 'One node has no one to hold a link to.', tone: 'ok' };
  if (degree === 0) {
    return { text: 'Nodes dial no other node: links come only from `mesh dial`.', tone: 'warn' };
  }
  const full = nodes - 1;
  if (degree >= full) {
    return { text: `Each of the ${nodes} nodes links to all ${full} others: ${pairs(nodes)}.`, tone: 'ok' };
  }
  // Each link has two ends; some nodes hold one more.
  const links = Math.ceil((degree * nodes) / 2);
  const each = `Each of the ${nodes} nodes tries to hold ${degree} of ${full} possible links: about ${count(links)}.`;
  if (degree === 1) {
    return { text: `${each} One node or link that goes may split the mesh. 3 is advised.`, tone: 'warn' };
  }
  if (degree === 2) {
    return { text: `${each} A single loss seldom splits the mesh, a pair of losses may. 3 is advised.`, tone: 'warn' };
  }
  const spare = `It mostly stands the loss of any ${degree - 1} nodes.`;
  const far = `A message takes about ${hops(degree, nodes)}.`;
  return { text: `${each} ${spare} ${far}`, tone: 'ok' };
}

function pairs(nodes: number): string {
  return count((nodes * (nodes - 1)) / 2);
}

function count(links: number): string {
  return `${links.toLocaleString('en')} link${links === 1 ? '' : 's'}`;
}

/** Longest way in a random graph of that degree: about log(nodes) to the base degree - 1, and one. */
function hops(degree: number, nodes: number): string {
  const far = Math.max(1, Math.ceil(Math.log(nodes) / Math.log(degree - 1)));
  return far === 1 ? 'one hop to any node' : `${far} hops to the farthest node`;
}
