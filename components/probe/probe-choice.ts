// What a probe is to test, as it is typed: VLANs by number, range or alias, nodes by range; and the line of the command language for it. Pure.
import { describeTooMuch, maxProbeNodes, maxProbePaths, planRound, sendMs } from '../../core/probe/plan.ts';
import { vlanRanges } from '../../core/probe/texts.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { parseAlias, parseVlan } from '../../core/vlans/names.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import type { MapNode, MapVlan, VlanMap } from '../vlans/vlan-view.ts';

export interface Read<Value> {
  readonly value: readonly Value[];
  /** What is wrong and what to type; empty otherwise. */
  readonly error: string;
}

const wrong = <Value>(error: string): Read<Value> => ({ value: [], error });

/** Numbers that VMs are on, and those of aliases; `150` that is kept free has neither. */
export const vlansInUse = ({ vlans }: Pick<VlanMap, 'vlans'>): number[] =>
  numbersOf(vlans.filter(({ alias, sum }) => alias !== '' || sum.total > 0));

const numbersOf = (vlans: readonly MapVlan[]): number[] =>
  [...new Set(vlans.map(({ vlan }) => vlan))].sort((a, b) => a - b);

/** Nodes that can take part: in the mesh, with an uplink, as far as they say. */
export const nodesWithUplink = ({ nodes }: Pick<VlanMap, 'nodes'>): MapNode[] =>
  nodes.filter(({ state, uplink }) => state === 'member' && uplink !== '');

/** Nodes with VMs on one of these VLANs. */
export function nodesWithVms(
  { nodes, vlans }: Pick<VlanMap, 'nodes' | 'vlans'>,
  numbers: readonly number[],
): MapNode[] {
  const chosen = new Set(numbers);
  const ids = new Set(vlans.filter(({ vlan }) => chosen.has(vlan)).flatMap(({ cells }) => [...cells.keys()]));
  return nodes.filter(({ id }) => ids.has(id));
}

export const vlanText = (numbers: readonly number[]): string => vlanRanges(numbers).join(',');
export const nodeText = (nodes: readonly MapNode[]): string =>
  nodes.length === 0 ? '' : describeRange(nodes.map(({ name }) => name));

/** What is tested unless somebody chooses: VLANs in use between the nodes that can, as many as one probe takes. */
export function usualChoice(map: Pick<VlanMap, 'vlans' | 'nodes'>): { vlans: string; nodes: string; left: number } {
  const able = nodesWithUplink(map);
  // A bridge that was made by hand may have one that its row does not name.
  const nodes = (able.length > 1 ? able : map.nodes.filter(({ state }) => state === 'member')).slice(0, maxProbeNodes);
  const vlans = vlansInUse(map);
  const most = Math.floor(maxProbePaths / Math.max(1, nodes.length * (nodes.length - 1)));
  return {
    vlans: vlanText(vlans.slice(0, most)),
    nodes: nodeText(nodes),
    left: Math.max(0, vlans.length - most),
  };
}

/** `lan`, `exp1//lan`, `120`, `100-120`, with commas or spaces between them. An alias of several namespaces needs its own. */
export function readVlans(text: string, { vlans }: Pick<VlanMap, 'vlans'>): Read<number> {
  const parts = text.split(/[\s,]+/).filter(Boolean);
  if (parts.length === 0) return wrong('Name a VLAN: an alias, a number, or a range such as 100-120.');
  const numbers = new Set<number>();
  for (const part of parts) {
    const read = readPart(part, vlans);
    if (read.error !== '') return read;
    for (const number of read.value) numbers.add(number);
  }
  const kept = vlans.filter(({ vlan, alias, sum }) => numbers.has(vlan) && alias === '' && sum.total === 0);
  const shut = kept.filter(({ vlan }) => vlans.every((each) => each.vlan !== vlan || each.sum.total === 0));
  if (shut.length > 0) return wrong(`${numbersOf(shut).join(', ')}: kept free, so no frame is sent there.`);
  return { value: [...numbers].sort((a, b) => a - b), error: '' };
}

function readPart(part: string, vlans: readonly MapVlan[]): Read<number> {
  if (/^\d+$/.test(part)) {
    const parsed = parseVlan(part);
    return parsed.ok ? { value: [parsed.value], error: '' } : wrong(`${part}: ${parsed.message}.`);
  }
  const named = vlans.filter(({ alias, namespace }) => alias === part || `${namespace}//${alias}` === part);
  const namespaces = [...new Set(named.map(({ namespace }) => namespace))];
  if (named.length > 0 && namespaces.length === 1) return { value: numbersOf(named), error: '' };
  if (named.length > 0)
    return wrong(`${part} is an alias of ${namespaces.join(' and ')}: type ${namespaces[0] ?? ''}//${part}.`);
  const [, first, last] = /^(\d{1,9})-(\d{1,9})$/.exec(part) ?? [];
  if (first === undefined || last === undefined) {
    const name = parseAlias(part, defaultNamespace);
    return wrong(name.ok ? `No VLAN is called ${part}.` : `${part}: ${name.message}.`);
  }
  for (const end of [first, last]) {
    const parsed = parseVlan(end);
    if (!parsed.ok) return wrong(`${end}: ${parsed.message}.`);
  }
  const [from, to] = [Number(first), Number(last)];
  if (from > to) return wrong(`${part}: the first number of a range is the lower one.`);
  return { value: Array.from({ length: to - from + 1 }, (_, at) => from + at), error: '' };
}

/** `node[1-3]`, with commas between several. */
export function readNodes(text: string, { nodes }: Pick<VlanMap, 'nodes'>): Read<MapNode> {
  const trimmed = text.trim();
  if (trimmed === '') return wrong('Name two nodes at least, as in node[1-4].');
  const parsed = parseRange(trimmed);
  if (!parsed.ok) return wrong(parsed.message);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const names = [...new Set(parsed.names)];
  const missing = names.filter((name) => !byName.has(name));
  if (missing.length > 0) return wrong(`No node is called ${missing.slice(0, 3).join(', ')}.`);
  if (names.length < 2) return wrong('A path has two ends: name another node.');
  const value = names.flatMap((name) => byName.get(name) ?? []).sort((a, b) => compareNames(a.name, b.name));
  return { value, error: '' };
}

export interface ProbeChoice {
  readonly vlans: Read<number>;
  readonly nodes: Read<MapNode>;
  /** Empty while something is wrong. */
  readonly line: string;
  /** Why it cannot be run as it is typed; empty otherwise. */
  readonly refusal: string;
  readonly paths: number;
  /** About, without what is tested again. */
  readonly tookMs: number;
}

/** For the frames to arrive, to be counted, and for the flows to be made and to end. */
const besidesMs = 700;

export function readChoice(
  typed: { vlans: string; nodes: string },
  map: Pick<VlanMap, 'vlans' | 'nodes'>,
): ProbeChoice {
  const vlans = readVlans(typed.vlans, map);
  const nodes = readNodes(typed.nodes, map);
  const isRead = vlans.error === '' && nodes.error === '';
  const size = { nodes: nodes.value.length, vlans: vlans.value };
  const tooMuch = isRead ? describeTooMuch({ nodes: size.nodes, vlans: size.vlans.length }) : null;
  const refusal = !isRead ? 'Choose VLANs and nodes first.' : (tooMuch ?? '');
  return {
    vlans,
    nodes,
    line: refusal === '' ? probeLine(vlans.value, nodes.value) : '',
    refusal,
    paths: size.nodes * (size.nodes - 1) * size.vlans.length,
    tookMs: isRead ? besidesMs + sendMs(planRound(1, size)) : 0,
  };
}

/** Numbers: an alias would be of the namespace that the line is typed in. */
export const probeLine = (vlans: readonly number[], nodes: readonly MapNode[]): string =>
  `vlans probe ${vlanText(vlans)} nodes ${nodeText(nodes)}`;
