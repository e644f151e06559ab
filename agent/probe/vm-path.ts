// A node's part of the path to one of its VMs: what the VM is to have, and what the switch and the kernel have. Pure.
import type { TracedFlows, TracedVm } from '../../contract/trace.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { BridgeFlow } from '../../host/ovs/openflow.ts';
import { portFlows } from '../../host/ovs/port-flows.ts';
import { describeVlan, type HostPort, type HostView } from '../../host/ovs/switch-host.ts';
import { findUplink, passesTagged } from '../../host/ovs/uplink.ts';

/** Of a bridge: its flows, or why it does not tell them. */
export type ToldFlows = readonly BridgeFlow[] | string;

/** `flows`: of the bridges that the VM is on. */
export function vmPath(
  { name, state, nets }: Pick<VmRecord, 'name' | 'state' | 'nets'>,
  { view, flows }: { readonly view: HostView; readonly flows: ReadonlyMap<string, ToldFlows> },
): TracedVm {
  const found = findUplink(view);
  const vlans = [...new Set(nets.map(({ vlan }) => vlan))].filter((vlan) => vlan > 0);
  return {
    name,
    state,
    nics: nets.map(({ vlan, bridge, tap, qinq }) => {
      const link = view.links.get(tap);
      // Of a bond, one of its interfaces.
      const port = [...view.ports.values()].find(({ interfaces }) => interfaces.includes(tap));
      const has = port ? `${port.vlan ? describeVlan(port.vlan) : 'a mode of others'} on ${port.bridge}` : '';
      const wants = `${describeVlan({ kind: qinq ? 'qinq' : 'access', tag: vlan })} on ${bridge}`;
      const failures = [view.databaseFailure, view.switchFailure, port?.error ?? ''];
      const isConnected = (port?.ofport ?? 0) > 0;
      return {
        ...{ vlan, bridge, tap, port: has, isPortRight: has === wants },
        tapState: !link ? 'missing' : !link.isUp ? 'down' : link.hasCarrier ? 'up' : 'unheld',
        portFailure:
          failures.find((text) => text !== '') ?? (isConnected ? '' : 'the switch has not connected the port'),
        flows: tracedFlows(port, tap, flows),
      };
    }),
    uplink: found.ok
      ? {
          ...{ bridge: found.uplink.bridge, name: found.uplink.name, whyNot: '' },
          passes: vlans.filter((vlan) => passesTagged(found.uplink.vlan, vlan)),
        }
      : { bridge: '', name: '', passes: [], whyNot: found.why },
  };
}

function tracedFlows(port: HostPort | undefined, tap: string, flows: ReadonlyMap<string, ToldFlows>): TracedFlows {
  const none = { ours: { flows: 0, packets: 0 }, others: { flows: 0, packets: 0 }, rest: null };
  if (!port) return { ...none, failure: 'the switch has no port for it' };
  const told = flows.get(port.bridge) ?? 'its bridge was not asked';
  if (typeof told === 'string') return { ...none, failure: told };
  const ofport = port.ofports[port.interfaces.indexOf(tap)] ?? port.ofport ?? 0;
  return { failure: '', ...portFlows(told, ofport) };
}
