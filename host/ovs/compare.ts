// Compares what is wanted with what is there: what is wrong, and the change that fixes it. Pure: no clock and no attempts here.
import type { BridgeConfig } from './bridge-config.ts';
import type { FaultReason, Found } from './found.ts';
import {
  findHostTapFaults,
  findMirrorFaults,
  isOurHostTap,
  isOurMirror,
  mirrorName,
  type HostTap,
  type Mirror,
} from './host-taps.ts';
import {
  aliasStart,
  clusterMark,
  describeBond,
  describeTunnel,
  describeVlan,
  type Bond,
  type HostBridge,
  type HostPort,
  type HostView,
  type NewPort,
  type NewTap,
  type PortVlan,
  type SwitchChange,
  type Tunnel,
} from './switch-host.ts';

export interface Place {
  readonly bridge: string;
  readonly vlan: PortVlan;
  /** Interfaces with the same one are one port of this name; they have the same place. */
  readonly bond?: Bond & { readonly name: string };
}

export const samePlace = (a: Place | null, b: Place | null): boolean =>
  a?.bridge === b?.bridge &&
  a?.bond?.name === b?.bond?.name &&
  describeBond(a?.bond) === describeBond(b?.bond) &&
  (a && describeVlan(a.vlan)) === (b && describeVlan(b.vlan));

/** One interface of a VM. */
export interface WantedPort {
  readonly tap: string;
  /** The VM's id. */
  readonly owner: string;
  /** The user whose programs may hold the tap. */
  readonly user: number;
  /** Null while it is unplugged: the tap stays, and is on no bridge. */
  readonly place: Place | null;
}

export interface Wanted {
  /** Marks what is ours: the cluster's id. */
  readonly cluster: string;
  readonly ports: ReadonlyMap<string, WantedPort>;
  /** Bridges that this node made for VMs, by name. */
  readonly bridges: ReadonlyMap<string, 'system' | 'netdev'>;
  /** What was set on them. */
  readonly configs: ReadonlyMap<string, BridgeConfig>;
  /** Interfaces that were put on a bridge as trunks, and tunnels, with that bridge. */
  readonly trunks: ReadonlyMap<string, string>;
  /** Those of them that are tunnels. */
  readonly tunnels: ReadonlyMap<string, Tunnel>;
  /** Interfaces of the node itself, by name. */
  readonly hostTaps: ReadonlyMap<string, HostTap>;
  /** By the port that gets the copies. */
  readonly mirrors: ReadonlyMap<string, Mirror>;
  /** Taps that vanished while a program held them. */
  readonly lost: ReadonlySet<string>;
}

const roleMark = 'meshdeck-role';
const ownerMark = 'meshdeck-owner';
/** The mark that `counters` selects by. */
export const portMark = [roleMark, 'vm'] as const;

export const portMarks = (cluster: string, owner: string) => ({
  [clusterMark]: cluster,
  [roleMark]: 'vm',
  [ownerMark]: owner,
});
const trunkMarks = (cluster: string) => ({ [clusterMark]: cluster, [roleMark]: 'trunk' });
export const bridgeMarks = (cluster: string) => ({ [clusterMark]: cluster, [roleMark]: 'bridge' });

const isMarked = (marks: ReadonlyMap<string, string>, cluster: string, role: string) =>
  marks.get(clusterMark) === cluster && marks.get(roleMark) === role;
export const isOurPort = ({ marks }: HostPort, cluster: string) => isMarked(marks, cluster, 'vm');
export const isOurTrunk = ({ marks }: HostPort, cluster: string) => isMarked(marks, cluster, 'trunk');
export const isOurBridge = ({ marks }: { marks: ReadonlyMap<string, string> }, cluster: string) =>
  isMarked(marks, cluster, 'bridge');
export const ownerOf = ({ marks }: HostPort): string => marks.get(ownerMark) ?? '';

/** Of taps; at most 255 characters (IFALIASZ), without blanks, which ip(8) would have to quote. */
export const tapAlias = (cluster: string, owner: string) => `${aliasStart}${cluster}/${owner}`;
export const isOurAlias = (alias: string, cluster: string) => alias.startsWith(`${aliasStart}${cluster}/`);

export function newTap(port: WantedPort, wanted: Pick<Wanted, 'cluster'>, view: HostView): NewTap {
  const bridge = port.place === null ? undefined : view.bridges.get(port.place.bridge);
  return {
    name: port.tap,
    user: port.user,
    // A smaller one would take the bridge's own interface down with it (ovs-vswitchd.conf.db(5), Interface, mtu).
    mtu: bridge?.mtu ?? 1500,
    alias: tapAlias(wanted.cluster, port.owner),
  };
}

/** The port of the switch that an interface has, or has a part in. */
export const portNameOf = ({ tap, place }: Pick<WantedPort, 'tap' | 'place'>): string => place?.bond?.name ?? tap;

/** Interfaces by the port that they have. */
export function groupPorts(ports: Iterable<WantedPort>): Map<string, WantedPort[]> {
  const groups = new Map<string, WantedPort[]>();
  for (const port of ports) {
    const name = portNameOf(port);
    const group = groups.get(name);
    if (group) group.push(port);
    else groups.set(name, [port]);
  }
  return groups;
}

/** Ports of the switch for these interfaces; all interfaces of a bond are among them. Those that are unplugged have none. */
export function newPorts(ports: Iterable<WantedPort>, cluster: string): NewPort[] {
  return [...groupPorts(ports)].flatMap(([name, members]) => {
    const [first] = members;
    if (!first?.place) return [];
    const { bridge, vlan, bond } = first.place;
    const port = { name, bridge, vlan, marks: portMarks(cluster, first.owner) };
    if (!bond) return [port];
    const { mode, lacp, hasFallback } = bond;
    return [{ ...port, bond: { mode, lacp, hasFallback, interfaces: members.map(({ tap }) => tap) } }];
  });
}

/** A trunk or a tunnel: a port for all VLANs. */
export const newTrunk = (
  name: string,
  bridge: string,
  of: { cluster: string; tunnel: Tunnel | undefined },
): NewPort => ({
  name,
  bridge,
  vlan: { kind: 'trunk', tags: [] },
  marks: trunkMarks(of.cluster),
  ...(of.tunnel ? { tunnel: of.tunnel } : {}),
});

/** The uplink that the console moved into a bridge (host/bridge). */
export const uplinkOf = ({ marks }: HostBridge): string | null => marks.get('meshdeck-uplink') ?? null;

/** Why somebody else looks after a bridge, and what to do there instead; empty for a bridge of ours with ports of ours alone. */
export function describeHolder(bridge: HostBridge, ports: HostView['ports'], cluster: string): string {
  const uplink = uplinkOf(bridge);
  if (uplink !== null)
    return `${bridge.name} has this node’s uplink ${uplink}: \`meshdeck bridge <node>\` changes it, and \`meshdeck bridge <node> --undo\` takes it away`;
  const advice =
    '`meshdeck bridge <node>` looks after a bridge with an uplink, and ovs-vsctl on the node after any other';
  if (!isOurBridge(bridge, cluster)) return `${bridge.name} was not made by Meshdeck’s VMs: ${advice}`;
  const foreign = bridge.ports.find(
    (name) => name !== bridge.name && ports.get(name)?.marks.get(clusterMark) !== cluster,
  );
  return foreign === undefined ? '' : `${foreign} on ${bridge.name} is somebody else’s: ${advice}`;
}

/** All that is wrong, in an order in which what causes the rest comes first. */
export function findFaults(wanted: Wanted, view: HostView): Found[] {
  // A machine without VMs needs no Open vSwitch.
  if (wanted.ports.size + wanted.bridges.size + wanted.trunks.size + wanted.hostTaps.size === 0) return [];
  if (view.databaseFailure !== '')
    return [{ subject: '', reason: 'database-down', detail: view.databaseFailure, change: null }];
  const found: Found[] = [];
  if (view.switchFailure !== '')
    found.push({ subject: '', reason: 'switch-down', detail: view.switchFailure, change: null });
  const willExist = new Set(view.bridges.keys());
  for (const [name, datapath] of wanted.bridges) {
    if (view.bridges.has(name)) continue;
    willExist.add(name);
    const bridge = { name, datapath, marks: bridgeMarks(wanted.cluster) };
    const config = wanted.configs.get(name);
    const change = { makeBridges: [bridge], setBridges: config ? [{ name, config }] : [] };
    found.push({ subject: name, reason: 'bridge-missing', detail: '', change });
  }
  const places = [...wanted.ports.values()].flatMap(({ place }) => (place === null ? [] : [place.bridge]));
  for (const name of new Set([...places, ...wanted.trunks.values()])) {
    if (!willExist.has(name)) found.push({ subject: name, reason: 'bridge-missing', detail: '', change: null });
  }
  const add = (subject: string, reason: FaultReason, change: Found['change'], detail = '') =>
    found.push({ subject, reason, detail, change });
  for (const port of wanted.ports.values()) findTapFaults(port, { wanted, view, add });
  for (const [name, members] of groupPorts(wanted.ports.values()))
    findPortFaults({ name, members }, { wanted, view, add, willExist });
  for (const [name, bridge] of wanted.trunks) {
    const port = view.ports.get(name);
    const tunnel = wanted.tunnels.get(name);
    const change = { setPorts: [newTrunk(name, bridge, { cluster: wanted.cluster, tunnel })] };
    if (port && !isOurTrunk(port, wanted.cluster)) add(name, 'name-taken', null, `it is on ${port.bridge}`);
    else if (!willExist.has(bridge)) continue;
    else if (!port) add(name, 'port-missing', change);
    else if (port.bridge !== bridge) add(name, 'port-changed', change, `it is on ${port.bridge}, not ${bridge}`);
    else if (!port.vlan || describeVlan(port.vlan) !== 'trunk')
      add(name, 'port-changed', change, `it has ${describeMode(port)}, not trunk`);
    else if (describeTunnel(port.tunnel) !== describeTunnel(tunnel))
      add(name, 'port-changed', change, `it is ${describeTunnel(port.tunnel) || 'no tunnel'}`);
    else if (port.error !== '') add(name, 'port-error', null, port.error);
  }
  found.push(...findHostTapFaults(wanted, view), ...findMirrorFaults(wanted, view));
  return found;
}

interface Finding {
  readonly wanted: Wanted;
  readonly view: HostView;
  readonly add: (subject: string, reason: FaultReason, change: Found['change'], detail?: string) => void;
}

function findTapFaults(port: WantedPort, { wanted, view, add }: Finding): void {
  const link = view.links.get(port.tap);
  if (!link) add(port.tap, 'tap-missing', { makeTaps: [newTap(port, wanted, view)] });
  else if (!isOurAlias(link.alias, wanted.cluster)) add(port.tap, 'name-taken', null, 'the interface is not ours');
  else if (!link.isUp) add(port.tap, 'tap-down', { raiseTaps: [port.tap] });
  else if (wanted.lost.has(port.tap) && !link.hasCarrier) add(port.tap, 'tap-unheld', null);
}

function findPortFaults(
  { name, members }: { readonly name: string; readonly members: readonly WantedPort[] },
  { wanted, view, add, willExist }: Finding & { readonly willExist: ReadonlySet<string> },
): void {
  const [first] = members;
  if (!first) return;
  const { place, owner } = first;
  const there = view.ports.get(name);
  if (there && !isOurPort(there, wanted.cluster)) {
    add(name, 'name-taken', null, `the port on ${there.bridge} is not ours`);
    return;
  }
  if (place === null) {
    if (there) add(name, 'port-changed', { dropPorts: [name] }, `it is on ${there.bridge}, and ought to be unplugged`);
    return;
  }
  const change = willExist.has(place.bridge) ? { setPorts: newPorts(members, wanted.cluster) } : null;
  if (!there) {
    if (change) add(name, 'port-missing', change);
    return;
  }
  const taps = members.map(({ tap }) => tap).sort();
  const interfaces = [...there.interfaces].sort();
  const has = describeMode(there);
  const wants = describeVlan(place.vlan);
  const [hasBond, wantsBond] = [describeBond(there.bond), describeBond(place.bond)];
  if (there.bridge !== place.bridge) add(name, 'port-changed', change, `it is on ${there.bridge}, not ${place.bridge}`);
  else if (has !== wants) add(name, 'port-changed', change, `it has ${has}, not ${wants}`);
  else if (ownerOf(there) !== owner) add(name, 'port-changed', change, 'it is marked as another VM’s');
  else if (interfaces.join() !== taps.join())
    add(name, 'port-changed', change, `it has ${interfaces.join(' and ')}, not ${taps.join(' and ')}`);
  else if (hasBond !== wantsBond) add(name, 'port-changed', change, `it is ${hasBond}, not ${wantsBond}`);
  // Without its tap it has an error for sure, and that is a fault on its own.
  else if (there.error !== '' && taps.every((tap) => view.links.has(tap))) add(name, 'port-error', null, there.error);
}

const describeMode = ({ vlan }: HostPort) => (vlan === null ? 'a mode of others' : describeVlan(vlan));

/** Ports and taps of ours that nobody wants: of VMs that are gone, or half of a launch that failed. */
export function findLeftovers(wanted: Wanted, view: HostView): Partial<SwitchChange> {
  const names = new Set([...wanted.ports.values()].map(portNameOf));
  const ports = [...view.ports.values()].filter(
    (port) =>
      (isOurPort(port, wanted.cluster) && !names.has(port.name)) ||
      (isOurHostTap(port, wanted.cluster) && !wanted.hostTaps.has(port.name)),
  );
  const outputs = new Set([...wanted.mirrors.keys()].map(mirrorName));
  const mirrors = [...view.mirrors.values()].filter(
    (mirror) => isOurMirror(mirror, wanted.cluster) && !outputs.has(mirror.name),
  );
  const links = [...view.links.values()].filter(
    ({ alias, name }) => isOurAlias(alias, wanted.cluster) && !wanted.ports.has(name),
  );
  return {
    dropPorts: ports.map(({ name }) => name),
    dropMirrors: mirrors.map(({ name }) => name),
    dropTaps: links.map(({ name }) => name),
  };
}
