// The smallest set of switch ports that explains all wrong paths of a probe. Pure.
//
// A port is suspected only where all of it fits: if it does not pass a VLAN to its node, no path to that node on that VLAN passes. Paths that no port
// explains lie between groups of nodes (a link between switches), or stand alone.
import { findCover } from './cover.ts';
import type { Symptom, WrongPath } from './matrix.ts';

/** Nodes are places in the run's list. */
export interface Cause {
  readonly kind: 'port' | 'bridge-port' | 'between' | 'nowhere' | 'path';
  readonly symptom: Symptom;
  readonly vlans: readonly number[];
  readonly groups: readonly (readonly number[])[];
  readonly direction: 'from' | 'to' | 'both';
  readonly or: readonly number[];
}

export interface Findings {
  /** Nodes that sent and reported. */
  readonly tested: readonly number[];
  readonly wrong: readonly WrongPath[];
  /** VLANs that the uplink's own port on a node's bridge does not pass. */
  readonly notCarried: ReadonlyMap<number, ReadonlySet<number>>;
}

interface Edge {
  readonly vlan: number;
  readonly symptom: Symptom;
  readonly from: number;
  readonly to: number;
}

/** An edge, and which of its two ports fit it. */
interface Suspicion extends Edge {
  readonly fitsFrom: boolean;
  readonly fitsTo: boolean;
}

interface Side {
  from: boolean;
  to: boolean;
}

export function findCauses({ tested, wrong, notCarried }: Findings): Cause[] {
  const found: Cause[] = [];
  const suspicions: Suspicion[] = [];
  const nodesOf = new Map<number, readonly number[]>();
  for (const [vlan, paths] of groupBy(wrong, (path) => path.vlan)) {
    const own = tested.filter((node) => notCarried.get(node)?.has(vlan));
    for (const node of own) found.push(causeOf('bridge-port', { vlan, symptom: 'blocked' }, { groups: [[node]] }));
    const nodes = tested.filter((node) => !own.includes(node));
    nodesOf.set(vlan, nodes);
    const counted = new Set(nodes);
    const rest = paths.filter(({ from, to }) => counted.has(from) && counted.has(to));
    const blocked = rest.filter(({ symptoms }) => symptoms.includes('blocked')).length;
    if (nodes.length > 2 && blocked === nodes.length * (nodes.length - 1))
      found.push(causeOf('nowhere', { vlan, symptom: 'blocked' }, { groups: [nodes] }));
    else suspicions.push(...suspect(vlan, rest, nodes));
  }
  const ports = choosePorts(suspicions);
  const sides = chooseSides(suspicions, ports.chosen);
  for (const [key, side] of sides) {
    const { node, ...edge } = readKey(key);
    const direction = side.from && side.to ? 'both' : side.from ? 'from' : 'to';
    found.push(causeOf('port', edge, { groups: [[node]], direction, or: ports.instead.get(node) ?? [] }));
  }
  // What else a port with a fault on this VLAN may hide shows when that is repaired.
  const faulty = new Set([...sides.keys()].map((key) => key.slice(0, key.indexOf(' ', key.indexOf(' ') + 1))));
  const isFaulty = (node: number, vlan: number) => faulty.has(`${node} ${vlan}`);
  const left = suspicions.filter(
    ({ fitsFrom, fitsTo, from, to, vlan }) => !fitsFrom && !fitsTo && !isFaulty(from, vlan) && !isFaulty(to, vlan),
  );
  for (const edges of groupBy(left, ({ vlan, symptom }) => `${vlan} ${symptom}`).values()) {
    const nodes = (nodesOf.get(edges[0]?.vlan ?? 0) ?? []).filter((node) => !isFaulty(node, edges[0]?.vlan ?? 0));
    found.push(...explainBetween(edges, nodes));
  }
  return mergeVlans(found);
}

/** For each wrong path, whether the sender's or the receiver's port fits: all paths of that side that can show the symptom do. */
function suspect(vlan: number, paths: readonly WrongPath[], nodes: readonly number[]): Suspicion[] {
  const symptoms = new Set(paths.flatMap((path) => path.symptoms));
  return [...symptoms].flatMap((symptom) => {
    const shown = paths.filter((path) => path.symptoms.includes(symptom));
    // Where nothing arrives, nothing else shows.
    const hidden = symptom === 'blocked' ? [] : paths.filter((path) => path.symptoms.includes('blocked'));
    const fits = (side: 'from' | 'to') => {
      const counts = new Map<number, number>();
      for (const path of [...shown, ...hidden]) counts.set(path[side], (counts.get(path[side]) ?? 0) + 1);
      return (node: number) => counts.get(node) === nodes.length - 1;
    };
    const [fitsFrom, fitsTo] = [fits('from'), fits('to')];
    return shown.map(({ from, to }) => ({ vlan, symptom, from, to, fitsFrom: fitsFrom(from), fitsTo: fitsTo(to) }));
  });
}

function choosePorts(suspicions: readonly Suspicion[]): {
  readonly chosen: ReadonlySet<number>;
  readonly instead: ReadonlyMap<number, readonly number[]>;
} {
  const forced = new Set(
    suspicions.flatMap(({ from, to, fitsFrom, fitsTo }) => (fitsFrom === fitsTo ? [] : [fitsFrom ? from : to])),
  );
  const edges = suspicions
    .filter(({ from, to, fitsFrom, fitsTo }) => fitsFrom && fitsTo && !forced.has(from) && !forced.has(to))
    .map(({ from, to }) => [from, to] as const);
  const { vertices, instead } = findCover(edges);
  return { chosen: new Set([...forced, ...vertices]), instead };
}

const keyOf = (node: number, { vlan, symptom }: Pick<Edge, 'vlan' | 'symptom'>) => `${node} ${vlan} ${symptom}`;

function readKey(key: string): { node: number; vlan: number; symptom: Symptom } {
  const [node, vlan, symptom] = key.split(' ');
  return { node: Number(node), vlan: Number(vlan), symptom: symptom as Symptom };
}

/** Which sides of the chosen ports are needed: first those without which a path is not explained, then one for each path that is left. */
function chooseSides(suspicions: readonly Suspicion[], chosen: ReadonlySet<number>): Map<string, Side> {
  const sides = new Map<string, Side>();
  const mark = (node: number, edge: Edge, side: keyof Side) => {
    const key = keyOf(node, edge);
    const known = sides.get(key) ?? { from: false, to: false };
    known[side] = true;
    sides.set(key, known);
  };
  const able = suspicions.map((edge) => ({
    edge,
    from: edge.fitsFrom && chosen.has(edge.from),
    to: edge.fitsTo && chosen.has(edge.to),
  }));
  for (const { edge, from, to } of able) {
    if (from && !to) mark(edge.from, edge, 'from');
    if (to && !from) mark(edge.to, edge, 'to');
  }
  for (const { edge, from, to } of able) {
    if (!from || !to) continue;
    const isExplained = sides.get(keyOf(edge.from, edge))?.from || sides.get(keyOf(edge.to, edge))?.to;
    if (!isExplained) mark(edge.from, edge, 'from');
  }
  return sides;
}

/** Groups of nodes that are well among themselves, with all of these edges between them; else each edge alone. */
function explainBetween(edges: readonly Edge[], nodes: readonly number[]): Cause[] {
  const [first] = edges;
  if (!first) return [];
  const wrong = new Set(edges.map(({ from, to }) => `${from} ${to}`));
  const isWrong = (from: number, to: number) => wrong.has(`${from} ${to}`);
  const groups: number[][] = [];
  const grouped = new Set<number>();
  for (const node of nodes) {
    if (grouped.has(node)) continue;
    const group = new Set([node]);
    // A set is walked to its end while it grows.
    for (const each of group)
      for (const other of nodes) if (!isWrong(each, other) && !isWrong(other, each)) group.add(other);
    for (const each of group) grouped.add(each);
    groups.push([...group]);
  }
  const [a = [], b = []] = groups;
  const all = (from: readonly number[], to: readonly number[]) => from.every((x) => to.every((y) => isWrong(x, y)));
  const count = (from: readonly number[], to: readonly number[]) =>
    from.reduce((sum, x) => sum + to.filter((y) => isWrong(x, y)).length, 0);
  const [there, back] = [all(a, b), all(b, a)];
  const isBetween = groups.length === 2 && edges.length === (there ? count(a, b) : 0) + (back ? count(b, a) : 0);
  if (isBetween && there && back) return [causeOf('between', first, { groups: [a, b] })];
  if (isBetween) return [causeOf('between', first, { groups: there ? [a, b] : [b, a], direction: 'from' })];
  const isAllBetween = groups.length > 2 && groups.every((x) => groups.every((y) => x === y || all(x, y)));
  if (isAllBetween) return [causeOf('between', first, { groups })];
  return edges
    .filter(({ from, to }) => !isWrong(to, from) || from < to)
    .map((edge) => {
      const direction = isWrong(edge.to, edge.from) ? 'both' : 'from';
      return causeOf('path', edge, { groups: [[edge.from], [edge.to]], direction });
    });
}

function causeOf(
  kind: Cause['kind'],
  { vlan, symptom }: Pick<Edge, 'vlan' | 'symptom'>,
  { groups, direction = 'both', or = [] }: Pick<Cause, 'groups'> & Partial<Pick<Cause, 'direction' | 'or'>>,
): Cause {
  return { kind, symptom, vlans: [vlan], groups, direction, or };
}

/** What differs in its VLAN alone is one cause, the most certain ones first. */
function mergeVlans(causes: readonly Cause[]): Cause[] {
  const groups = groupBy(causes, ({ vlans: _vlans, ...rest }) => JSON.stringify(rest));
  const order: readonly Cause['kind'][] = ['bridge-port', 'port', 'between', 'nowhere', 'path'];
  return [...groups.values()]
    .flatMap((same) => {
      const [first] = same;
      return first ? [{ ...first, vlans: same.flatMap(({ vlans }) => vlans).sort((a, b) => a - b) }] : [];
    })
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.groups[0]?.[0] ?? 0) - (b.groups[0]?.[0] ?? 0));
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
