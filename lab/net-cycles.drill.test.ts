// 100 times interfaces of a node, a mirror, DHCP servers and captures come and go.
import { testCycles } from './cycles-drill.ts';
import { prepareHaltedVms } from './halted-vms.ts';

const captured = 'all.pcap web.pcap flows.txt';

testCycles({
  name: 'net-cycles',
  cycles: 100,
  kills: 20,
  look: `
echo links; ip -o link show | cut -d: -f2 | sort
echo addresses; ip -o -4 address show | tr -s ' ' | cut -d' ' -f2,4 | sort
echo networks; ip netns list
echo ports; ovs-vsctl --no-headings --columns=name,external_ids list Port | sort
echo interfaces; ovs-vsctl --no-headings --columns=name list Interface | sort
echo mirrors; ovs-vsctl --no-headings --columns=name list Mirror | sort
echo flows; ovs-vsctl --no-headings --columns=targets list NetFlow
echo files; find /var/lib/meshd /run/meshd -not -name others.json | sort`,
  /** The VM whose NIC is captured; its guest halts at once. */
  async begin({ shell, lab, node }) {
    for (const line of await prepareHaltedVms(lab, node, { vlan: 103 })) await shell(line);
    await shell('vm launch kvm web');
    await shell('vm start web');
  },
  async cycle(node) {
    const { shell } = node;
    await shell('tap create 100 ip 10.9.0.1/24 here0');
    await shell('tap create 101 name here1');
    await shell('tap mirror here0 here1');
    await shell('capture pcap bridge mega_bridge all.pcap');
    await shell('capture pcap vm web 0 web.pcap');
    await shell('capture netflow bridge mega_bridge flows.txt');
    await shell('dnsmasq serve 102 10.8.0.1/24 10.8.0.10 10.8.0.99');
    await shell('dnsmasq start 10.9.0.1 10.9.0.10 10.9.0.99');
    await this.removeAll(node);
  },
  async removeAll({ shell, lab, node }) {
    await shell('clear capture');
    await shell('capture forget all');
    await shell('clear tap');
    await shell('dnsmasq kill all');
    // What was captured is kept until a person deletes it, and a cycle that was cut off may not have begun all of them.
    await lab.exec(node, ['sh', '-c', `cd /var/lib/meshd/files && rm -f ${captured}`]);
  },
});
