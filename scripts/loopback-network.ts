// The physical network of simulated nodes: a multicast group on this machine's loopback, as each node is a process. For `vlans probe` in `npm run dev`;
// the switch of this network has one fault, so that there is something to see: node3's port does not pass VLAN 120.
import { createSocket } from 'node:dgram';
import { passPort } from '../core/probe/simulated-network.ts';
import type { Cable, MemoryNetwork } from '../host/ovs/memory-network.ts';

const group = '239.77.68.86';
const loopback = '127.0.0.1';
const faults = { node3: [{ vlan: 120, does: 'block' }] } as const;

/** `port`: the group's, the same for all nodes of one network. */
export function loopbackNetwork(port: number): Pick<MemoryNetwork, 'plug'> {
  return {
    plug(name, receive): Cable {
      const own = name === 'node3' ? faults.node3 : [];
      const header = Buffer.from(`${name}\n`);
      const socket = createSocket({ type: 'udp4', reuseAddr: true });
      // Without multicast on the loopback there is no network: nodes reach nobody, and a probe says so.
      socket.on('error', () => undefined);
      socket.on('message', (datagram) => {
        if (datagram.subarray(0, header.length).equals(header)) return;
        for (const frame of passPort(datagram.subarray(datagram.indexOf(0x0a) + 1), own)) receive(frame);
      });
      socket.bind({ address: group, port }, () => {
        socket.addMembership(group, loopback);
        socket.setMulticastInterface(loopback);
        socket.setMulticastLoopback(true);
      });
      socket.unref();
      return {
        send: (frame) => {
          for (const each of passPort(frame, own)) socket.send(Buffer.concat([header, each]), port, group);
        },
        unplug: () => void socket.close(),
      };
    },
  };
}
