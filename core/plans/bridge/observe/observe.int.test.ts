// The look at a node, in its own network namespace: what only real interfaces can show. Needs root.
import { expect, test } from 'vitest';
import { localRunner } from '../../../../host/runner.ts';
import { observeBridgeScript, parseBridgeFacts } from './observe.ts';

/** eth0 and eth1 in one switch, eth2 in another one. */
const network = `
set -e
mount -t sysfs sysfs /sys
ip link set lo up
for at in 0 1; do
  ip link add name "switch$at" type bridge
  ip link set dev "switch$at" up
done
for at in 0 1 2; do
  ip link add name "eth$at" type veth peer name "veth$at"
  ip link set dev "veth$at" up
  ip link set dev "eth$at" up
done
ip link set dev veth0 master switch0
ip link set dev veth1 master switch0
ip link set dev veth2 master switch1
until [ -z "$(ip -6 -o address show tentative)" ]; do sleep 0.1; done
set +e
`;

test('two NICs in the same segment are reported, and one that leads elsewhere is not', async () => {
  const script = `${network}\nset -- mega_bridge\n${observeBridgeScript}`;
  const { stdout } = await localRunner.run(['unshare', '--net', '--mount', 'sh', '-c', script], { timeoutMs: 50_000 });
  const pairs = parseBridgeFacts(stdout).sameSegment.map((pair) => pair.toSorted().join(' and '));
  // A bridge is on the wire of its ports, but it is not a NIC.
  expect([...new Set(pairs)]).toEqual(['eth0 and eth1']);
});
