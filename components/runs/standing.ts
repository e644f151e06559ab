// How far a node is on the way that the guide goes: its NIC in the bridge, a member of a mesh, in whichever order. Pure.
import type { FleetBridge, FleetNode } from '../../contract/fleet.ts';
import type { KnownNode } from '../../contract/known-nodes.ts';

export interface Standing {
  readonly isInMesh: boolean;
  /** As far as anybody told. */
  readonly hasBridge: boolean;
  /** Packages that apt can bring, as its last checks saw. */
  readonly missing: readonly string[];
}

/** By name. */
export type Standings = (node: string) => Standing;

export function standingsOf(
  fleet: { readonly nodes: ReadonlyMap<string, FleetNode>; readonly bridges: ReadonlyMap<string, FleetBridge> },
  known: Iterable<KnownNode>,
): Standings {
  const members = new Map([...fleet.nodes.values()].map((node) => [node.Name, node]));
  const hosts = new Map([...known].map((node) => [node.name, node]));
  return (name) => {
    const member = members.get(name);
    const host = hosts.get(name);
    const bridge = member && fleet.bridges.get(member.Id);
    return {
      // Deployed a moment ago: the console is attaching still, and the fleet does not have it yet.
      isInMesh: member ? member.State === 'member' : (host?.cluster ?? '') !== '',
      hasBridge: (bridge?.Bridge ?? host?.bridge?.summary.bridge ?? '') !== '',
      missing: host?.missing ?? [],
    };
  };
}
