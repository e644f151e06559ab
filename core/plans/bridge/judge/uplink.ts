// Which NIC is or goes into a bridge, how its owner would keep it there, and what lies beside it.
import type { BridgeFacts, BridgeMethod, NicFacts, OvsBridgeFacts } from '../observe/facts.ts';
import { interfacesOf, readInterfacesTree } from '../observe/interfaces-file.ts';

export interface BridgeChoice {
  readonly bridge: string;
  /** A NIC's name, or `auto`: the one that the console came in on. */
  readonly uplink: string;
  readonly method: 'auto' | BridgeMethod;
  readonly datapath: 'auto' | 'system' | 'netdev';
}

/** The chosen NIC, the one that is in already, or the one that the console came in on. */
export function findUplink(facts: BridgeFacts, choice: BridgeChoice, bridge: OvsBridgeFacts | null): NicFacts | null {
  const byName = (name: string) =>
    facts.nics.find((nic) => nic.name === name) ?? facts.nics.find((nic) => nic.altNames.includes(name)) ?? null;
  if (choice.uplink !== 'auto') return byName(choice.uplink);
  const inside = bridge === null ? [] : uplinksOf(facts, bridge);
  const committed = facts.committed?.bridge === choice.bridge ? facts.committed.uplink : '';
  if (inside.length > 0) return inside.find(({ name }) => name === committed) ?? inside[0] ?? null;
  const name = facts.ingress !== '' ? facts.ingress : (facts.defaultRoutes[0]?.dev ?? '');
  const nic = byName(name);
  // The console came in on another bridge's own interface: the NIC below it is meant, and is refused as that bridge's member.
  if (nic?.kind !== 'internal') return nic;
  const other = facts.ovs.bridges.find((each) => each.name === name);
  return other ? (uplinksOf(facts, other)[0] ?? null) : null;
}

/** Physical ports of a bridge. */
export function uplinksOf(facts: BridgeFacts, bridge: OvsBridgeFacts): NicFacts[] {
  return bridge.ports.flatMap((port) => {
    const nic = facts.nics.find(({ name }) => name === port);
    const isPhysical = nic !== undefined && ['ethernet', 'bond', 'team', 'vlan', 'wifi'].includes(nic.kind);
    return isPhysical ? [nic] : [];
  });
}

/** The method that the NIC's owner suggests. */
export function chooseMethod(facts: BridgeFacts, uplink: NicFacts | null): BridgeMethod {
  if (facts.committed !== null && facts.committed.uplink === uplink?.name) return facts.committed.method;
  if (uplink?.owner === 'networkd') return 'networkd';
  if (uplink?.owner === 'ifupdown' && facts.hasIfupdownHook && !isFixedBesideLease(facts, uplink)) return 'ifupdown';
  return 'commands';
}

/** A bridge made by hand has a fixed address, but the NIC's stanza would ask for a lease at the next boot, perhaps with another MAC. */
export function isFixedBesideLease(facts: BridgeFacts, uplink: NicFacts): boolean {
  const carrier = facts.nics.find(({ name }) => name === uplink.ovsBridge);
  const own = carrier?.addresses.filter(({ scope, family }) => scope === 'global' && family === 4) ?? [];
  if (own.length === 0 || carrier?.dhcp !== 'none' || own.some(({ flags }) => flags.includes('dynamic'))) return false;
  return interfacesOf(readInterfacesTree(facts.files).stanzas).some(
    ({ name, family, method }) => [uplink.name, carrier.name].includes(name) && family === 'inet' && method === 'dhcp',
  );
}

/** Other NICs that were heard on the uplink's wire, or have an address in its network. */
export function neighboursOf(facts: BridgeFacts, uplink: NicFacts, wanted: string): string[] {
  const networks = new Set(
    uplink.routes.flatMap(({ text }) => /^(\S+) dev \S+ proto kernel scope link/.exec(text)?.[1] ?? []),
  );
  // The VLANs of a NIC, and the bridge that it goes into, are heard on its own wire.
  const own = new Set([uplink.name, uplink.lower, uplink.master, uplink.ovsBridge, wanted, ...uplink.uppers]);
  return facts.nics
    .filter(({ name, routes }) => {
      if (own.has(name)) return false;
      const isHeard = facts.sameSegment.some((pair) => pair.includes(name) && pair.includes(uplink.name));
      return isHeard || routes.some(({ text }) => networks.has(text.split(' ')[0] ?? ''));
    })
    .map(({ name }) => name);
}
