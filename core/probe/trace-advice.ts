// What to do about a hop of a traced path that is not well, for the person who looks after the VMs. Pure.
import type { TraceHop } from '../../contract/trace.ts';

/** The first hop from one VM to the other, on one VLAN, at which the path ends; null when none is broken. */
export function firstBroken(hops: readonly TraceHop[]): TraceHop | null {
  return hops.find(({ state }) => state === 'broken') ?? null;
}

/** A sentence or two with commands in backticks; empty for a hop that is well. */
export function adviceOnHop({ place, node, name, state, vlan, evidence }: TraceHop): string {
  if (state === 'ok') return '';
  if (state === 'unknown') return adviceOnUnknown(place, node);
  switch (place) {
    case 'vm':
      return vlan === 0
        ? 'Connect both to one VLAN: `vm net connect <vm> <nic> <vlan>`.'
        : `Start it: \`vm start ${name}\`.`;
    case 'tap':
      return `meshd makes a tap again that somebody removed, and its VM takes it within seconds: trace again. If it stays so, stop the VM and start it.`;
    case 'port':
      return `meshd puts a port right that somebody changed: trace again. If it stays so, something on ${node} changes it again and again; \`vm info\` and the log of meshd name the fault.`;
    case 'bridge':
      return evidence.includes('two bridges')
        ? 'Put both VMs on the same bridge, or join the bridges by a trunk: `bridge trunk`.'
        : `Look at Open vSwitch on ${node}: \`systemctl status ovs-vswitchd\`.`;
    case 'flows':
      return `Look at the flows on ${node}: \`ovs-ofctl dump-flows ${name}\`. A bridge of VMs needs a flow with \`actions=NORMAL\`.`;
    case 'uplink':
      return `Put the NIC of ${node} into the bridge that the VM is on: \`meshdeck bridge ${node}\`.`;
    case 'switches':
      return 'Hand the explanation over to the people who look after the switches.';
  }
}

function adviceOnUnknown(place: TraceHop['place'], node: string): string {
  switch (place) {
    case 'switches':
      return 'The way between the nodes could not be tested: see what was said, and probe these nodes.';
    case 'flows':
      return `Look at them on ${node}: \`ovs-ofctl dump-flows\`.`;
    default:
      return '';
  }
}
