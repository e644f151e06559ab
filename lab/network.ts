// A lab's network: a namespace with the "physical" switch (its own Open vSwitch), dnsmasq beside it, and the cables
// to nodes and to this machine. All processes run in the lab's control group `network`.
//
// The userspace datapath reads and writes whole segments (userspace-tso-enable), else two nodes copy at a tenth of the
// speed. A node must still get frames as a wire gives them (at most the MTU, with checksums), since the guide puts the
// node's own Open vSwitch on eth0, and that cannot take others: the switch's end of its cable has these offloads off,
// and the kernel cuts segments there.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, describeError } from '../contract/errors.ts';
import { isAlive, startDetached, type ProcessIdentity } from '../host/detached.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import { ensureGroup } from './cgroups.ts';
import { labSource, nodePaths, type Faults, type LabPaths } from './layout.ts';
import { processIdentitySchema } from './lock.ts';
import { makeNamespace, mountsBelow } from './mounts.ts';
import {
  describeDnsmasqConfig,
  hostAddress,
  hostInterface,
  parseLeases,
  portNumber,
  switchAddress,
  trunksWithout,
  type LabPlan,
  type NodePlan,
} from './plan.ts';
import { hasTrunkFaults, trunkFlows } from './trunk-faults.ts';

const mainBridge = 'switch';
const schemaFile = '/usr/share/openvswitch/vswitch.ovsschema';

/** Runs a program in the lab's namespace. */
export async function runInLab(paths: LabPaths, argv: readonly string[]): Promise<string> {
  return (await localRunner.run(['nsenter', `--net=${paths.namespace}`, '--', ...argv])).stdout;
}

/** One transaction on the lab's switch; waits until the switch has done it. */
export async function vsctl(paths: LabPaths, ...args: string[]): Promise<string> {
  const database = `--db=unix:${join(paths.network, 'db.sock')}`;
  return (await localRunner.run(['ovs-vsctl', database, '--timeout=20', ...args])).stdout;
}

/** OpenFlow commands on one bridge of the lab's switch. */
async function ofctl(paths: LabPaths, command: string, bridge: string, ...args: string[]): Promise<void> {
  await localRunner.run(['ovs-ofctl', command, `unix:${join(paths.network, `${bridge}.mgmt`)}`, ...args]);
}

async function readIdentity(file: string): Promise<ProcessIdentity | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : processIdentitySchema.parse(JSON.parse(text));
}

async function isRunning(paths: LabPaths, name: string): Promise<boolean> {
  const known = await readIdentity(join(paths.network, `${name}.json`));
  return known !== null && isAlive(known);
}

/** Starts a daemon of the lab's network unless it runs. */
async function ensureDaemon(paths: LabPaths, name: string, argv: readonly string[]): Promise<void> {
  const identityFile = join(paths.network, `${name}.json`);
  if (await isRunning(paths, name)) return;
  const groups = await ensureGroup(paths.lab, 'network');
  const identity = await startDetached(
    [join(labSource, 'in-cgroup.sh'), ...groups, '--', 'nsenter', `--net=${paths.namespace}`, '--', ...argv],
    {
      logFile: join(paths.network, `${name}.log`),
      env: { OVS_RUNDIR: paths.network, OVS_LOGDIR: paths.network, OVS_DBDIR: paths.network },
    },
  );
  await writeFile(identityFile, JSON.stringify(identity));
}

async function stopDaemon(paths: LabPaths, name: string): Promise<void> {
  const known = await readIdentity(join(paths.network, `${name}.json`));
  if (known === null) return;
  for (let attempt = 0; isAlive(known); attempt++) {
    process.kill(known.pid, attempt < 20 ? 'SIGTERM' : 'SIGKILL');
    await sleep(50);
  }
}

async function waitFor(what: string, timeoutMs: number, check: () => Promise<unknown>): Promise<void> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > endAt) {
        throw new AppError('timeout', `${what}: not within ${timeoutMs} ms: ${describeError(error)}`, { cause: error });
      }
    }
    await sleep(50);
  }
}

async function ensureSwitch(paths: LabPaths): Promise<void> {
  const database = join(paths.network, 'switch.db');
  const isNew = await readFile(database).then(
    () => false,
    () => true,
  );
  if (isNew) await localRunner.run(['ovsdb-tool', 'create', database, schemaFile]);
  const quiet = ['-vsyslog:off', '-vconsole:warn'];
  await ensureDaemon(paths, 'ovsdb-server', [
    'ovsdb-server',
    ...quiet,
    `--remote=punix:${join(paths.network, 'db.sock')}`,
    `--unixctl=${join(paths.network, 'ovsdb-server.ctl')}`,
    database,
  ]);
  const tso = ['set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true'];
  await waitFor('the switch database', 10_000, () => vsctl(paths, '--no-wait', 'init', '--', ...tso));
  await ensureDaemon(paths, 'ovs-vswitchd', [
    // As Debian's own service: a switch that waits behind ten busy nodes loses their frames.
    ...['nice', '-n', '-10', 'ovs-vswitchd'],
    ...quiet,
    `--unixctl=${join(paths.network, 'ovs-vswitchd.ctl')}`,
    `unix:${join(paths.network, 'db.sock')}`,
  ]);
  await vsctl(paths, '--may-exist', 'add-br', mainBridge, '--', 'set', 'bridge', mainBridge, 'datapath_type=netdev');
}

/** Writes dnsmasq's configuration for this plan and DHCP mode, and makes it serve that. */
export async function ensureDnsmasq(paths: LabPaths, plan: LabPlan, faults: Faults): Promise<void> {
  const configFile = join(paths.network, 'dnsmasq.conf');
  const leases = await readFile(join(paths.network, 'leases'), 'utf8').catch(() => '');
  const config = describeDnsmasqConfig(plan, faults.dhcp, {
    folder: paths.network,
    interfaceName: mainBridge,
    known: parseLeases(leases),
  });
  const before = await readFile(configFile, 'utf8').catch(() => null);
  if (config !== before) {
    await writeFile(configFile, config);
    // It reads its configuration at its start only.
    await stopDaemon(paths, 'dnsmasq');
  }
  const pidFile = join(paths.network, 'dnsmasq.pid');
  if (!(await isRunning(paths, 'dnsmasq'))) await rm(pidFile, { force: true });
  await ensureDaemon(paths, 'dnsmasq', ['dnsmasq', `--conf-file=${configFile}`]);
  // It writes this file once its sockets are open; a request before that gets no answer.
  await waitFor('dnsmasq', 10_000, () => readFile(pidFile));
}

/** Brings up namespace, switch, this machine's cable, and dnsmasq; each only where it is missing. */
export async function ensureNetwork(paths: LabPaths, plan: LabPlan, faults: Faults): Promise<void> {
  await mkdir(paths.network, { recursive: true });
  if (!(await mountsBelow(paths.namespace)).includes(paths.namespace)) await makeNamespace(paths.namespace);
  await runInLab(paths, ['ip', 'link', 'set', 'lo', 'up']);
  await ensureSwitch(paths);
  await runInLab(paths, ['ip', 'link', 'set', mainBridge, 'up']);
  await runInLab(paths, ['ip', 'address', 'replace', `${switchAddress(plan.subnet)}/24`, 'dev', mainBridge]);
  await ensureHostCable(paths, plan);
  await applyGateway(paths, faults);
  await ensureDnsmasq(paths, plan, faults);
}

/** Sets whether the switch answers pings; DHCP, DNS and ARP keep working. */
export async function applyGateway(paths: LabPaths, faults: Faults): Promise<void> {
  const isSilent = faults.gateway === 'silent' ? 1 : 0;
  await runInLab(paths, ['sysctl', '--quiet', '--write', `net.ipv4.icmp_echo_ignore_all=${isSilent}`]);
}

async function ensureHostCable(paths: LabPaths, plan: LabPlan): Promise<void> {
  const name = hostInterface(plan.name);
  try {
    await localRunner.run(['ip', 'link', 'show', name]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const peer = ['type', 'veth', 'peer', 'name', 'host', 'netns', paths.namespace];
    await localRunner.run(['ip', 'link', 'add', name, ...peer]);
  }
  await runInLab(paths, ['ip', 'link', 'set', 'host', 'up']);
  await vsctl(
    paths,
    '--may-exist',
    'add-port',
    mainBridge,
    'host',
    '--',
    'set',
    'interface',
    'host',
    'ofport_request=1',
  );
  await localRunner.run(['ip', 'link', 'set', name, 'up']);
  await localRunner.run(['ip', 'address', 'replace', `${hostAddress(plan.subnet)}/24`, 'dev', name]);
}

/** Removes this machine's cable; the rest of the network goes with its processes and namespace. */
export async function removeHostCable(labName: string): Promise<void> {
  try {
    await localRunner.run(['ip', 'link', 'delete', hostInterface(labName)]);
  } catch (error) {
    // The kernel takes the cable away with the namespace: before this looks, or in between (then it says the latter).
    if (!(error instanceof CommandError && /Cannot find device|No such device/.test(error.stderr))) throw error;
  }
}

function bridgeOf(node: string, faults: Faults): string {
  const group = faults.groups.findIndex((names) => names.includes(node));
  return group < 0 ? mainBridge : `group${group + 1}`;
}

/** A bridge between a node's port and the switch, where that port has faults that no setting of a port makes. */
const cableOf = (node: NodePlan) => ({
  bridge: `cable${node.index}`,
  inner: `in-cable${node.index}`,
  outer: `to-cable${node.index}`,
});

function addPort(node: NodePlan, faults: Faults): string[] {
  const trunks = `trunks=[${trunksWithout(faults.dropped[node.name] ?? []).join(',')}]`;
  const bridge = bridgeOf(node.name, faults);
  const interfaceOf = (name: string, ...columns: string[]) => ['--', 'set', 'interface', name, ...columns];
  if (!hasTrunkFaults(faults.trunks[node.name]))
    return [
      ...['--', '--may-exist', 'add-port', bridge, node.port],
      ...interfaceOf(node.port, `ofport_request=${portNumber(node)}`),
      ...['--', 'set', 'port', node.port, trunks],
    ];
  const cable = cableOf(node);
  return [
    ...['--', '--may-exist', 'add-br', cable.bridge],
    ...['--', 'set', 'bridge', cable.bridge, 'datapath_type=netdev', 'fail_mode=secure'],
    ...['--', '--may-exist', 'add-port', cable.bridge, node.port, ...interfaceOf(node.port, 'ofport_request=2')],
    ...['--', '--may-exist', 'add-port', cable.bridge, cable.inner],
    ...interfaceOf(cable.inner, 'type=patch', `options:peer=${cable.outer}`, 'ofport_request=1'),
    ...['--', '--may-exist', 'add-port', bridge, cable.outer],
    ...interfaceOf(cable.outer, 'type=patch', `options:peer=${cable.inner}`, `ofport_request=${portNumber(node)}`),
    ...['--', 'set', 'port', cable.outer, trunks],
  ];
}

/** Connects a node's port with all that is wrong with it. It may be connected already, in whatever way. */
export async function connectPort(paths: LabPaths, node: NodePlan, faults: Faults): Promise<void> {
  const trunk = faults.trunks[node.name];
  const cable = cableOf(node);
  const isCabled = (await vsctl(paths, 'list-br')).split('\n').includes(cable.bridge);
  if (isCabled !== hasTrunkFaults(trunk))
    // In its own transaction, as in unplugNode.
    await vsctl(
      paths,
      ...['--if-exists', 'del-port', node.port],
      ...['--', '--if-exists', 'del-br', cable.bridge, '--', '--if-exists', 'del-port', cable.outer],
    );
  await vsctl(paths, ...addPort(node, faults));
  if (!hasTrunkFaults(trunk)) return;
  const stdin = trunkFlows(trunk).join('\n');
  const target = `unix:${join(paths.network, `${cable.bridge}.mgmt`)}`;
  await localRunner.run(['ovs-ofctl', '-O', 'OpenFlow13', 'replace-flows', target, '-'], { stdin });
}

/** Unplugs a node: its cable is gone, as of a machine that is off. */
export async function unplugNode(paths: LabPaths, node: NodePlan): Promise<void> {
  // In its own transaction: if one transaction removes and adds the port, the switch keeps reading the old interface.
  await vsctl(paths, '--if-exists', 'del-port', node.port);
  try {
    await runInLab(paths, ['ip', 'link', 'delete', node.port]);
  } catch (error) {
    if (!(error instanceof CommandError && error.stderr.includes('Cannot find device'))) throw error;
  }
}

/** Gives a node that is about to boot a fresh network namespace with eth0 in it, plugged into the switch. */
export async function plugNode(paths: LabPaths, plan: LabPlan, node: NodePlan, faults: Faults): Promise<void> {
  await unplugNode(paths, node);
  const { namespace } = nodePaths(paths, node.name);
  await makeNamespace(namespace);
  const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'address', node.mac, 'netns', namespace];
  await runInLab(paths, ['ip', 'link', 'add', node.port, ...peer]);
  if (!plan.offload) await runInLab(paths, ['ethtool', '-K', node.port, 'tx', 'off', 'tso', 'off', 'gso', 'on']);
  if (!faults.linkDown.includes(node.name)) await runInLab(paths, ['ip', 'link', 'set', node.port, 'up']);
  await connectPort(paths, node, faults);
}

/** Cuts or restores a node's cable: both ends lose their carrier. */
export async function setLink(paths: LabPaths, node: NodePlan, state: 'up' | 'down'): Promise<void> {
  await runInLab(paths, ['ip', 'link', 'set', node.port, state]);
}

/**
 * Puts each group on its own bridge, joined to the main one. Packets carry their group's number as pkt_mark over the
 * patch to the main bridge, and a group takes from there only what has none: groups reach the switch, this machine and
 * nodes in no group, and not each other, on every VLAN. No group: one bridge again.
 */
export async function applyGroups(paths: LabPaths, plugged: readonly NodePlan[], faults: Faults): Promise<void> {
  const bridges = (await vsctl(paths, 'list-br')).split('\n').filter((bridge) => bridge.startsWith('group'));
  if (plugged.length > 0) {
    const ports = plugged.flatMap((node) => [node.port, cableOf(node).outer]);
    await vsctl(paths, ...ports.flatMap((port) => ['--', '--if-exists', 'del-port', port]));
  }
  for (const bridge of bridges) {
    await vsctl(paths, 'del-br', bridge, '--', '--if-exists', 'del-port', mainBridge, `to-${bridge}`);
  }
  for (const index of faults.groups.keys()) {
    const bridge = `group${index + 1}`;
    const patch = (port: string, peer: string) => [
      ...['--', 'set', 'interface', port, 'type=patch', `options:peer=${peer}`],
    ];
    await vsctl(
      paths,
      ...['add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=netdev'],
      ...['--', 'add-port', bridge, `from-${bridge}`, ...patch(`from-${bridge}`, `to-${bridge}`)],
      ...['--', 'set', 'interface', `from-${bridge}`, 'ofport_request=1'],
      ...['--', 'add-port', mainBridge, `to-${bridge}`, ...patch(`to-${bridge}`, `from-${bridge}`)],
    );
    await ofctl(paths, 'add-flow', bridge, 'priority=20,in_port=1,pkt_mark=0,actions=NORMAL');
    await ofctl(paths, 'add-flow', bridge, 'priority=10,in_port=1,actions=drop');
    await ofctl(paths, 'add-flow', bridge, `priority=5,actions=set_field:${index + 1}->pkt_mark,NORMAL`);
  }
  if (plugged.length > 0) await vsctl(paths, ...plugged.flatMap((node) => addPort(node, faults)));
}
