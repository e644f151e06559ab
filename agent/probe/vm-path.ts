// A node's part of the path to one of its VMs: what the VM is to have, and what the switch and the kernel have. Pure.
import type { TracedVm } from '../../contract/trace.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { describeVlan, type HostView } from '../../host/ovs/switch-host.ts';
import { findUplink, passesTagged } from '../../host/ovs/uplink.ts';

export function vmPath({ name, state, nets }: Pick<VmRecord, 'name' | 'state' | 'nets'>, view: HostView): TracedVm {
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
