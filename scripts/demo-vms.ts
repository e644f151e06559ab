// What the demo ends with: eight small VMs on two VLANs over all nodes. Owns the script of commands that makes them, which stays on the head
// node for people to read, to change and to run again.
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../contract/errors.ts';
import { describeRange } from '../core/ranges/describe-range.ts';
import { treeOnNode } from '../lab/cluster.ts';
import { ensureGuest } from '../lab/guest.ts';
import type { Lab } from '../lab/lab.ts';
import { defaultCache } from '../lab/layout.ts';

/** Where meshd on a node looks for images and scripts, unless `-filepath` says otherwise. */
const filesFolder = '/var/lib/meshd/files';
/** The bridges of four nodes take about a minute each on an idle machine. */
const bridgesMs = 20 * 60_000;
/** Eight launches, one after the other, of which the first on each node fetches its image. */
const launchesMs = 10 * 60_000;

export interface DemoVmsOptions {
  readonly nodes: readonly string[];
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** VMs have the colour of their VLAN in their name, and consecutive addresses. */
const groups = [
  { alias: 'red', vlan: 100, network: '10.100.0' },
  { alias: 'blue', vlan: 200, network: '10.200.0' },
];
const vmsOfGroup = 4;

/** Waits for the bridges, then launches the VMs in the namespace `demo`. @throws AppError, CommandError, or the signal's reason */
export async function launchDemoVms(lab: Lab, { nodes, say, signal }: DemoVmsOptions): Promise<void> {
  const [head = ''] = nodes;
  const guest = await ensureGuest(defaultCache, say);
  await lab.copyIn(head, guest.kernel, `${filesFolder}/vmlinuz`);
  await lab.copyIn(head, guest.initramfs, `${filesFolder}/initramfs.gz`);
  const scriptPath = `${filesFolder}/demo.mm`;
  await lab.exec(head, ['tee', scriptPath], { stdin: demoScript(nodes) });
  await waitForBridges(lab, { nodes, signal });
  await lab.exec(head, [`${treeOnNode}/bin/meshd`, '-e', 'read', basename(scriptPath)], {
    timeoutMs: launchesMs,
    signal,
  });
  const what = groups.map(({ alias, vlan }) => `${alias}[1-${vmsOfGroup}] on VLAN ${vlan} (${alias})`).join(', ');
  say(`eight VMs run in the namespace demo: ${what}`);
}

/** The lines that a person would type on the head node. */
function demoScript(nodes: readonly string[]): string {
  const lines = [
    '# The VMs of the demo. Run it with: meshd -e read demo.mm',
    'namespace demo',
    `ns add-hosts ${describeRange(nodes)}`,
    'vm config kernel vmlinuz',
    'vm config initrd initramfs.gz',
    'vm config memory 96',
    'vm config serial-ports 1',
  ];
  for (const { alias, vlan, network } of groups) {
    lines.push('', `vlans add ${alias} ${vlan}`, `vm config networks ${alias},virtio-net-pci`);
    for (let index = 1; index <= vmsOfGroup; index += 1) {
      const name = `${alias}${index}`;
      // The guest takes its address from the kernel's command line, so each has its own configuration.
      lines.push(
        // Wherever others have launched meanwhile, each node gets one of each VLAN.
        `vm config schedule ${nodes[(index - 1) % nodes.length] ?? ''}`,
        `vm config append console=ttyS0 quiet ip=${network}.${index}/24 hostname=${name}`,
        `vm launch kvm ${name}`,
      );
    }
  }
  // What `meshd -e` makes active stays so for the next one.
  return [...lines, '', 'vm start all', 'namespace minimega', ''].join('\n');
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
