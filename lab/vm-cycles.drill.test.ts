// 200 times VMs are launched, started, killed and flushed on one node.
import { expect } from 'vitest';
import { testCycles } from './cycles-drill.ts';
import { prepareHaltedVms, vmRows } from './halted-vms.ts';

const vmsPerCycle = 2;

testCycles({
  name: 'vm-cycles',
  cycles: 200,
  kills: 20,
  look: `
echo links; ip -o link show | cut -d: -f2 | sort
echo ports; ovs-vsctl --no-headings --columns=name,external_ids list Port | sort
echo interfaces; ovs-vsctl --no-headings --columns=name list Interface | sort
echo scopes; systemctl list-units --all --plain --no-legend 'meshd-vm*'
echo groups; find /sys/fs/cgroup -type d -name 'meshd-vm-*'
echo files; find /var/lib/meshd /run/meshd -not -name others.json | sort`,
  async prepare({ shell, lab, node }) {
    await lab.exec(node, ['sh', '-c', 'head -c 1M /dev/zero >/var/lib/meshd/files/data.raw']);
    // They are meshd's own, and end with it.
    for (const line of await prepareHaltedVms(lab, node, { vlan: 100 })) await shell(line);
    await shell('vm config disks data.raw');
  },
  async cycle(node) {
    await node.shell(`vm launch kvm ${vmsPerCycle}`);
    await node.shell('vm start all');
    await this.removeAll(node);
  },
  async removeAll({ shell }) {
    await shell('vm kill all');
    await shell('vm flush');
    expect(vmRows(await shell('vm info'))).toEqual([]);
  },
});
