// Which host each VM of a launch goes to [facts 5.15, scheduler]. Pure and deterministic: the same hosts and requests, in any order, give the same
// answer. Owns the decision alone; limits are checked again by each host before it starts anything.
//
// INVARIANTS (property tests): a VM is placed once or has one violation; no host gets more memory or VMs than it has; schedule, colocate and
// coschedule hold for every placed VM, also against VMs that exist.
import { compareNames } from '../ranges/natural-order.ts';

/** What `ns load` chooses. */
export const loadKinds = ['cpucommit', 'memcommit', 'netcommit'] as const;
export type LoadKind = (typeof loadKinds)[number];

export const loadMeanings: Readonly<Record<LoadKind, string>> = {
  cpucommit: 'committed processors per processor',
  memcommit: 'committed memory per memory',
  netcommit: 'number of NICs',
};

export interface PlacementHost {
  readonly name: string;
  readonly cpus: number;
  /** MB that VMs may have in all. */
  readonly memoryMb: number;
  readonly committedCpus: number;
  readonly committedMemoryMb: number;
  readonly committedNets: number;
  /** How many VMs it may have; -1 for any number. */
  readonly vmLimit: number;
  /** VMs that it has, of all namespaces. */
  readonly vms: readonly { readonly name: string; readonly namespace: string; readonly coschedule: number }[];
}

export interface PlacementRequest {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly nets: number;
  /** Host, or empty. */
  readonly schedule: string;
  /** VM of the launch or of the namespace, or empty. */
  readonly colocate: string;
  /** How many other VMs its host may have; -1 for any number. */
  readonly coschedule: number;
}

export interface Placement {
  /** Host by VM. */
  readonly placed: ReadonlyMap<string, string>;
  /** Why a VM has none, by VM. */
  readonly violations: ReadonlyMap<string, string>;
}

/** A host while VMs are put on it. */
interface Filling {
  readonly host: PlacementHost;
  cpus: number;
  memoryMb: number;
  nets: number;
  count: number;
  /** The smallest number of other VMs that somebody here bears. */
  bears: number;
}

/** VMs that must share a host. */
interface Group {
  readonly first: string;
  readonly members: readonly PlacementRequest[];
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly nets: number;
  /** The smallest limit of a member; infinite for none. */
  readonly bears: number;
  readonly fixed: string | null;
}

const limitOf = (coschedule: number) => (coschedule < 0 ? Number.POSITIVE_INFINITY : coschedule);

/**
 * Places requests, whose names differ, on the least loaded hosts that take them: groups with a fixed host first, then those that bear fewer
 * neighbours, then larger ones, as minimega does. Unlike minimega it looks at memory, and at limits of VMs that exist.
 * The texts are minimega's where it has one [facts 5.15].
 */
export function placeVms(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
  options: { readonly load: LoadKind; readonly namespace: string },
): Placement {
  const placed = new Map<string, string>();
  const violations = new Map<string, string>();
  const sorted = [...hosts].sort((a, b) => compareNames(a.name, b.name));
  const fillings = sorted.map(startFilling);
  const { groups, issues } = groupRequests(sorted, requests, options.namespace);
  for (const [name, text] of issues) violations.set(name, text);
  groups.sort(
    (a, b) =>
      Number(b.fixed !== null) - Number(a.fixed !== null) ||
      compareNumbers(a.bears, b.bears) ||
      b.members.length - a.members.length ||
      b.memoryMb - a.memoryMb ||
      compareNames(a.first, b.first),
  );
  for (const group of groups) {
    const chosen = choose(fillings, group, options.load);
    if (typeof chosen === 'string') {
      for (const { name } of group.members) violations.set(name, chosen);
      continue;
    }
    chosen.cpus += group.vcpus;
    chosen.memoryMb += group.memoryMb;
    chosen.nets += group.nets;
    chosen.count += group.members.length;
    chosen.bears = Math.min(chosen.bears, group.bears);
    for (const { name } of group.members) placed.set(name, chosen.host.name);
  }
  return { placed, violations };
}

function startFilling(host: PlacementHost): Filling {
  return {
    host,
    cpus: host.committedCpus,
    memoryMb: host.committedMemoryMb,
    nets: host.committedNets,
    count: host.vms.length,
    bears: Math.min(...host.vms.map(({ coschedule }) => limitOf(coschedule)), Number.POSITIVE_INFINITY),
  };
}

/** The least loaded host that takes the group, or why none does. */
function choose(fillings: readonly Filling[], group: Group, load: LoadKind): Filling | string {
  if (fillings.length === 0) return 'no hosts to schedule VMs on';
  let best: Filling | null = null;
  let first: string | null = null;
  for (const filling of fillings) {
    if (group.fixed !== null && filling.host.name !== group.fixed) continue;
    const issue = findIssue(filling, group);
    if (issue !== null) first ??= issue;
    else if (best === null || loadOf(filling, load) < loadOf(best, load)) best = filling;
  }
  if (best) return best;
  if (group.fixed !== null) return first ?? `VM scheduled on unknown host: \`${group.fixed}\``;
  return describeNoHost(fillings, group, first ?? '');
}

function loadOf({ host, cpus, memoryMb, nets }: Filling, load: LoadKind): number {
  if (load === 'netcommit') return nets;
  return load === 'memcommit' ? memoryMb / Math.max(1, host.memoryMb) : cpus / Math.max(1, host.cpus);
}

/** Why this host cannot take the group; null when it can. */
function findIssue({ host, memoryMb, count, bears }: Filling, group: Group): string | null {
  const after = count + group.members.length;
  if (host.vmLimit >= 0 && after > host.vmLimit)
    return `${host.name} has a limit of ${host.vmLimit} VMs, and ${count} already`;
  if (memoryMb + group.memoryMb > host.memoryMb) {
    const left = Math.max(0, host.memoryMb - memoryMb);
    return `${host.name} has ${left} MB of its ${host.memoryMb} MB left, and this takes ${group.memoryMb} MB`;
  }
  const limit = Math.min(bears, group.bears);
  return after - 1 > limit ? `too many VMs scheduled on ${host.name} for coschedule requirement of ${limit}` : null;
}

function describeNoHost(fillings: readonly Filling[], group: Group, first: string): string {
  const largest = Math.max(...fillings.map(({ host }) => host.memoryMb));
  const what = group.members.length > 1 ? `${group.members.length} VMs on one host take` : 'it takes';
  if (group.memoryMb > largest) return `${what} ${group.memoryMb} MB, and no host has more than ${largest} MB`;
  return fillings.length === 1 ? first : `none of ${fillings.length} hosts takes it: ${first}`;
}

/** Joins requests that name each other in `colocate`, and finds the host that a group is bound to. */
function groupRequests(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
  namespace: string,
): { groups: Group[]; issues: Map<string, string> } {
  const issues = new Map<string, string>();
  const byName = new Map(requests.map((request) => [request.name, request]));
  const hostNames = new Set(hosts.map(({ name }) => name));
  const homes = new Map<string, string>();
  for (const { name, vms } of hosts) {
    for (const vm of vms) if (vm.namespace === namespace) homes.set(vm.name, name);
  }
  // Union-find: `leaders` leads from each VM to the one that stands for its group.
  const leaders = new Map<string, string>();
  const leaderOf = (name: string): string => {
    let top = name;
    for (let up = leaders.get(top); up !== undefined; up = leaders.get(top)) top = up;
    for (let at = name; at !== top;) {
      const up = leaders.get(at) ?? top;
      leaders.set(at, top);
      at = up;
    }
    return top;
  };
  for (const { name, colocate } of requests) {
    if (!byName.has(colocate)) continue;
    const [a, b] = [leaderOf(name), leaderOf(colocate)];
    if (a !== b) leaders.set(a, b);
  }
  const parts = new Map<string, PlacementRequest[]>();
  for (const request of requests) {
    const top = leaderOf(request.name);
    const part = parts.get(top);
    if (part) part.push(request);
    else parts.set(top, [request]);
  }
  const groups: Group[] = [];
  for (const part of parts.values()) {
    const members = part.sort((a, b) => compareNames(a.name, b.name));
    const wanted = new Set<string>();
    let issue: string | null = null;
    for (const { schedule, colocate } of members) {
      if (schedule !== '') {
        wanted.add(schedule);
        if (!hostNames.has(schedule)) issue ??= `VM scheduled on unknown host: \`${schedule}\``;
      }
      if (colocate !== '' && !byName.has(colocate)) {
        const home = homes.get(colocate);
        if (home === undefined) issue ??= `nonexistent colocate VMs: [${colocate}]`;
        else wanted.add(home);
      }
    }
    if (wanted.size > 1)
      issue ??= `VMs that share a host are bound to several: ${[...wanted].sort(compareNames).join(', ')}`;
    if (issue !== null) {
      for (const { name } of members) issues.set(name, issue);
      continue;
    }
    groups.push({
      first: members[0]?.name ?? '',
      members,
      vcpus: sum(members.map(({ vcpus }) => vcpus)),
      memoryMb: sum(members.map(({ memoryMb }) => memoryMb)),
      nets: sum(members.map(({ nets }) => nets)),
      bears: Math.min(...members.map(({ coschedule }) => limitOf(coschedule))),
      fixed: [...wanted][0] ?? null,
    });
  }
  return { groups, issues };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** A difference would not do: infinity minus infinity is not a number. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
