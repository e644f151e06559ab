// Whether a node is as the guide's reader finds it: booted, answering SSH, with an address and Open vSwitch.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, describeError } from '../contract/errors.ts';
import { CommandError } from '../host/runner.ts';
import type { LabPaths } from './layout.ts';
import { consoleTail, isOn, leaderOf, runInNode, waitForLeader } from './node.ts';

export interface NodeHealth {
  power: 'on' | 'off';
  /** systemd's word: running, degraded, starting, …; empty when off. */
  system: string;
  sshd: boolean;
  /** ovs-vswitchd runs. */
  openVswitch: boolean;
  /** IPv4 addresses, without the loopback's. */
  addresses: string[];
}

const off: NodeHealth = { power: 'off', system: '', sshd: false, openVswitch: false, addresses: [] };

/** Parses the answers of `systemctl is-system-running`, `is-active ssh ovs-vswitchd` and `hostname -I`, a line each. */
export function parseHealth(text: string): NodeHealth {
  const [system = '', sshd, openVswitch, addresses = ''] = text.split('\n');
  return {
    power: 'on',
    system,
    sshd: sshd === 'active',
    openVswitch: openVswitch === 'active',
    addresses: addresses.split(' ').filter((address) => /^\d+(\.\d+){3}$/.test(address)),
  };
}

const script =
  'systemctl is-system-running 2>/dev/null; systemctl is-active ssh ovs-vswitchd 2>/dev/null; hostname -I 2>/dev/null';

/** Looks at one node. Never throws for the node's own state. */
export async function observeHealth(paths: LabPaths, node: string): Promise<NodeHealth> {
  if (!(await isOn(paths, node))) return off;
  if ((await leaderOf(paths, node)) === null) return { ...off, power: 'on', system: 'starting' };
  try {
    const { stdout } = await runInNode(paths, node, ['sh', '-c', `${script}; exit 0`], { timeoutMs: 10_000 });
    return parseHealth(stdout);
  } catch {
    return { ...off, power: 'on', system: 'unknown' };
  }
}

/** Waits until systemd says that the boot is over. @returns its last word, such as `running` */
async function waitForBoot(paths: LabPaths, node: string, endAt: number): Promise<string> {
  let said = '';
  while (performance.now() < endAt) {
    try {
      // Not `--wait`: it can miss the end of a boot that ends as it begins to wait, and then waits forever.
      said = (await runInNode(paths, node, ['systemctl', 'is-system-running'], { timeoutMs: 10_000 })).stdout.trim();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'unreachable') {
        throw new AppError('failed', `${node} went off while it booted: ${await consoleTail(paths, node)}`);
      }
      // It exits non-zero for every state but running, also before systemd listens; on a busy machine it may take long.
      if (error instanceof CommandError) said = error.stdout.trim();
    }
    if (said === 'running' || said === 'degraded') return said;
    await sleep(250);
  }
  throw new AppError('timeout', `${node}: systemd still says '${said}'`);
}

/** Reads the first bytes that a server sends. */
function readBanner(address: string, port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1'));
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('close', () => {
      reject(new Error('closed without a word'));
    });
    socket.once('error', reject);
  });
}

/**
 * Waits until a node is ready: boot over without a failed unit, an address, Open vSwitch, and sshd answering this machine.
 * @throws AppError that says which of these is missing
 */
export async function waitUntilReady(paths: LabPaths, node: string, timeoutMs: number): Promise<NodeHealth> {
  const endAt = performance.now() + timeoutMs;
  await waitForLeader(paths, node, timeoutMs);
  const state = await waitForBoot(paths, node, endAt);
  const health = await observeHealth(paths, node);
  if (state !== 'running') {
    const failed = await runInNode(paths, node, ['systemctl', '--failed', '--plain', '--no-legend']);
    throw new AppError('failed', `${node}: systemd is ${state}: ${failed.stdout.trim().replaceAll('\n', ' | ')}`);
  }
  const address = health.addresses[0];
  if (address === undefined) throw new AppError('failed', `${node}: booted without an address (is DHCP off?)`);
  if (!health.openVswitch) throw new AppError('failed', `${node}: ovs-vswitchd does not run`);
  for (;;) {
    try {
      const banner = await readBanner(address, 22, 2_000);
      if (banner.startsWith('SSH-2.0-')) return health;
      throw new Error(`'${banner.slice(0, 40)}' is not SSH`);
    } catch (error) {
      if (performance.now() > endAt) {
        throw new AppError('timeout', `${node}: sshd at ${address} does not answer: ${describeError(error)}`);
      }
    }
    await sleep(100);
  }
}
