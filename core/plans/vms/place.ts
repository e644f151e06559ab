// Which node each VM of a launch goes to, and how full the nodes are then: the same for the page that is typed in and for the planner. Pure. The VMs of
// one launch are alike, so a rule either finds room for all of them, or says how many have room.
import { describeRange } from '../../ranges/describe-range.ts';
import { compareNames } from '../../ranges/natural-order.ts';
import { placeVms, type PlacementHost, type PlacementRequest } from '../../vms/placement.ts';
import type { PlaceRule } from './rules.ts';

/** A node as a place of VMs. */
export interface LaunchHost {
  readonly name: string;
  readonly cpus: number;
  /** MB that VMs may have in all, and what they have been promised. */
  readonly memoryMb: number;
  readonly committedMemoryMb: number;
  readonly committedCpus: number;
  readonly committedNets: number;
  /** -1 for any number. */
  readonly vmLimit: number;
  /** VMs that it has. */
  readonly vms: number;
}

/** The size of each VM. */
export interface VmSize {
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly nets: number;
}

export interface Placed {
  /** Names by node, both in natural order; only nodes that get one. */
  readonly byNode: ReadonlyMap<string, readonly string[]>;
  /** Names that have no place. */
  readonly left: readonly string[];
  /** Why; empty when all have one. */
  readonly issue: string;
}

export function placeLaunch(
  hosts: readonly LaunchHost[],
  names: readonly string[],
  { size, rule }: { readonly size: VmSize; readonly rule: PlaceRule },
): Placed {
  const sorted = [...hosts].sort((a, b) => compareNames(a.name, b.name));
  const requests = names.map((name) => requestOf(name, size));
  const homes = { spread: placeSpread, fill: placeFull, 'one-each': placeApart }[rule](sorted, requests);
  const byNode = new Map<string, string[]>();
  for (const name of names) {
    const home = homes.get(name);
    if (home !== undefined) byNode.set(home, [...(byNode.get(home) ?? []), name]);
  }
  const left = names.filter((name) => !homes.has(name));
  return {
    byNode: new Map([...byNode].sort(([a], [b]) => compareNames(a, b))),
    left,
    issue: left.length === 0 ? '' : describeLack(sorted, names.length, { placed: homes.size, size, rule }),
  };
}

type Homes = ReadonlyMap<string, string>;

function placeSpread(hosts: readonly LaunchHost[], requests: readonly PlacementRequest[]): Homes {
  return placed(hosts, requests);
}

function placeFull(hosts: readonly LaunchHost[], requests: readonly PlacementRequest[]): Homes {
  const homes = new Map<string, string>();
  let left = requests;
  for (const host of hosts) {
    if (left.length === 0) break;
    for (const [name, home] of placed([host], left)) homes.set(name, home);
    left = left.filter(({ name }) => !homes.has(name));
  }
  return homes;
}

/** The least loaded nodes that have room for one. */
function placeApart(hosts: readonly LaunchHost[], requests: readonly PlacementRequest[]): Homes {
  const free = hosts
    .filter((host) => requests[0] !== undefined && placed([host], [requests[0]]).size === 1)
    .sort((a, b) => a.committedCpus / Math.max(1, a.cpus) - b.committedCpus / Math.max(1, b.cpus));
  return new Map(requests.flatMap(({ name }, at) => (free[at] ? [[name, free[at].name] as const] : [])));
}

function placed(hosts: readonly LaunchHost[], requests: readonly PlacementRequest[]): Homes {
  return placeVms(hosts.map(placementHost), requests, { load: 'cpucommit', namespace: '' }).placed;
}

function placementHost({ vms, ...host }: LaunchHost): PlacementHost {
  return { ...host, vms: Array.from({ length: vms }, () => ({ name: '', namespace: '', coschedule: -1 })) };
}

function requestOf(name: string, size: VmSize): PlacementRequest {
  return { name, ...size, schedule: '', colocate: '', coschedule: -1 };
}

function describeLack(
  hosts: readonly LaunchHost[],
  wanted: number,
  { placed: count, size, rule }: { readonly placed: number; readonly size: VmSize; readonly rule: PlaceRule },
): string {
  const [first] = hosts;
  if (!first) return 'no node is chosen';
  const names = describeRange(hosts.map(({ name }) => name));
  const where = names.length > 60 ? `${hosts.length} nodes` : names;
  const have = hosts.length === 1 ? 'has' : 'have';
  if (rule === 'one-each' && count > 0) {
    return `${wanted} VMs, one on each node, and ${count} of ${hosts.length} nodes have room: choose more nodes, or another rule`;
  }
  if (count > 0) {
    return `${wanted - count} of ${wanted} VMs have no place: ${where} ${have} room for ${count} of ${size.memoryMb} MB`;
  }
  const best = hosts.reduce((a, b) => (restOf(b) > restOf(a) ? b : a), first);
  if (restOf(best) < size.memoryMb) {
    return `a VM takes ${size.memoryMb} MB, and the most that is left is ${restOf(best)} MB of ${best.memoryMb} MB, on ${best.name}`;
  }
  return `${where} ${have} as many VMs as a node may have (${best.vmLimit})`;
}

function restOf({ memoryMb, committedMemoryMb }: LaunchHost): number {
  return Math.max(0, memoryMb - committedMemoryMb);
}
