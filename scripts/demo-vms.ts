// What the demo ends with: eight small VMs on two VLANs over all nodes. Owns what a person would type on the head node.
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../contract/errors.ts';
import { describeRange } from '../core/ranges/describe-range.ts';
import { runMeshd } from '../lab/cluster.ts';
import { ensureGuest } from '../lab/guest.ts';
import type { Lab } from '../lab/lab.ts';
import { defaultCache } from '../lab/layout.ts';

/** Where meshd on a node looks for images, unless `-filepath` says otherwise. */
const filesFolder = '/var/lib/meshd/files';
/** The bridges of four nodes take about a minute each on an idle machine. */
const bridgesMs = 20 * 60_000;

export interface DemoVmsOptions {
  readonly nodes: readonly string[];
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** By VLAN, VMs with consecutive addresses. */
const groups = [
  { vlan: 'red', vms: ['red1', 'red2', 'red3', 'red4'], network: '10.100.0' },
  { vlan: 'blue', vms: ['blue1', 'blue2', 'blue3', 'blue4'], network: '10.200.0' },
];

/** Waits for the bridges, then launches the VMs in the namespace `demo`. @throws AppError, CommandError, or the signal's reason */
export async function launchDemoVms(lab: Lab, { nodes, say, signal }: DemoVmsOptions): Promise<void> {
  const [head = ''] = nodes;
  const guest = await ensureGuest(defaultCache, say);
  await lab.copyIn(head, guest.kernel, `${filesFolder}/vmlinuz`);
  await lab.copyIn(head, guest.initramfs, `${filesFolder}/initramfs.gz`);
  await waitForBridges(lab, { nodes, signal });
  const type = async (...words: string[]) => {
    signal.throwIfAborted();
    await runMeshd(lab, head, ['namespace', 'demo', ...words], { timeoutMs: 120_000 });
  };
  await type('ns', 'add-hosts', describeRange(nodes));
  await type('vm', 'config', 'kernel', 'vmlinuz');
  await type('vm', 'config', 'initrd', 'initramfs.gz');
  await type('vm', 'config', 'memory', '96');
  await type('vm', 'config', 'serial-ports', '1');
  for (const { vlan, vms, network } of groups) {
    await type('vm', 'config', 'net', `${vlan},virtio-net-pci`);
    for (const [index, vm] of vms.entries()) {
      await type('vm', 'config', 'append', 'console=ttyS0', 'quiet', `ip=${network}.${index + 1}/24`, `hostname=${vm}`);
      await type('vm', 'launch', 'kvm', vm);
    }
  }
  await type('vm', 'start', 'all');
  const vms = groups.flatMap((group) => group.vms);
  say(`${vms.length} VMs run in the namespace demo: ${describeRange(vms)}, on the VLANs red and blue`);
}

/** Until eth0 of each node is in its bridge, as the run of the console makes it. */
async function waitForBridges(lab: Lab, { nodes, signal }: Pick<DemoVmsOptions, 'nodes' | 'signal'>): Promise<void> {
  const endAt = performance.now() + bridgesMs;
  for (;;) {
    const missing: string[] = [];
    for (const node of nodes) {
      const script = 'test ! -e /var/lib/meshd/bridge/pending && ovs-vsctl list-ports mega_bridge';
      const isBridged = await lab.exec(node, ['sh', '-c', script]).then(
        ({ stdout }) => stdout.split('\n').includes('eth0'),
        () => false,
      );
      if (!isBridged) missing.push(node);
    }
    if (missing.length === 0) return;
    if (performance.now() > endAt) {
      throw new AppError(
        'timeout',
        `no bridge on ${describeRange(missing)} yet: see Runs. The VMs of the demo are not launched`,
      );
    }
    await sleep(2_000, undefined, { signal });
  }
}
