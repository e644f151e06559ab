// Which port of a node is its uplink: the NIC on the bridge of VMs, over which they meet those of other nodes. Pure.
import { uplinkOf } from './compare.ts';
import {
  clusterMark,
  type HostBridge,
  type HostPort,
  type HostView,
  type PortVlan,
  type Uplink,
} from './switch-host.ts';

/** The guide's, and where VMs are unless they name another. */
const usualBridge = 'mega_bridge';
/** minimega's, whose ports have no mark. */
const tapPattern = /^mega_tap\d+$/;

export type FoundUplink = { readonly ok: true; readonly uplink: Uplink } | { readonly ok: false; readonly why: string };

export function findUplink(view: HostView): FoundUplink {
  const no = (why: string): FoundUplink => ({ ok: false, why });
  if (view.databaseFailure !== '') return no(view.databaseFailure);
  const marked = [...view.bridges.values()].filter((bridge) => uplinkOf(bridge) !== null);
  const bridge =
    marked.find(({ name }) => name === usualBridge) ??
    marked.sort((a, b) => (a.name < b.name ? -1 : 1))[0] ??
    view.bridges.get(usualBridge);
  if (!bridge) return no(`no bridge with an uplink: \`meshdeck bridge <node>\` makes ${usualBridge}`);
  const name = uplinkOf(bridge);
  const candidates = name === null ? likelyUplinks(bridge, view) : [name];
  const [only] = candidates;
  if (only === undefined) return no(`${bridge.name} has no uplink: \`meshdeck bridge <node>\` gives it one`);
  if (candidates.length > 1)
    return no(
      `${candidates.slice(0, 8).join(', ')} on ${bridge.name} may all be its uplink: name it by \`ovs-vsctl br-set-external-id ${bridge.name} meshdeck-uplink <interface>\``,
    );
  const isOf = ({ name: port, interfaces }: HostPort) => port === only || interfaces.includes(only);
  const port = [...view.ports.values()].find((each) => each.bridge === bridge.name && isOf(each));
  if (!port) return no(`${only} is not on ${bridge.name}: \`meshdeck bridge <node>\` puts it back`);
  const { mtu, vlan } = port;
  const hears = port.carriers.flatMap((carrier) => ofportOf(port, carrier) ?? []);
  const [ofport] = hears;
  if (port.interfaces.length > 1) {
    const members = port.interfaces.join(' and ');
    if (ofport === undefined || mtu === null)
      return no(`${port.name}, a bond of ${members}, has no NIC that carries frames now: \`ovs-appctl bond/show\``);
    const sender = port.carriers.find((carrier) => ofportOf(port, carrier) === ofport) ?? '';
    return { ok: true, uplink: { bridge: bridge.name, name: `${sender} of ${port.name}`, ofport, hears, mtu, vlan } };
  }
  if (ofport === undefined || mtu === null)
    return no(`Open vSwitch does not use the uplink ${only}: ${port.error || 'see its log'}`);
  return { ok: true, uplink: { bridge: bridge.name, name: only, ofport, hears, mtu, vlan } };
}

/** OpenFlow number of one of a port's interfaces; null while the switch does not use it. */
function ofportOf({ interfaces, ofports }: HostPort, name: string): number | null {
  const ofport = ofports[interfaces.indexOf(name)] ?? null;
  return ofport !== null && ofport > 0 ? ofport : null;
}

/** Of a bridge that was made by hand, as in the guide: ports with NICs of the machine that are neither ours nor a VM's. */
function likelyUplinks(bridge: HostBridge, view: HostView): string[] {
  const isLikely = (port: HostPort | undefined) =>
    port !== undefined &&
    port.name !== bridge.name &&
    !port.marks.has(clusterMark) &&
    port.tunnel === null &&
    (port.vlan === null || port.vlan.kind === 'trunk') &&
    !tapPattern.test(port.name);
  return bridge.ports.flatMap((name) => {
    const port = view.ports.get(name);
    return isLikely(port) && port?.interfaces.some((each) => view.links.has(each)) ? [name] : [];
  });
}

/** Whether frames that a VM has on this VLAN leave by a port of this mode with their tag. */
export const passesTagged = (vlan: PortVlan | null, tag: number): boolean =>
  vlan === null || (vlan.kind === 'trunk' && (vlan.tags.length === 0 || vlan.tags.includes(tag)));
